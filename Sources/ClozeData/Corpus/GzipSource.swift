internal import CZlib
internal import ClozeCore

/// The inflated bytes of a gzip file, which may have several members, like the output of `cat a.gz b.gz`.
final class GzipSource: ByteSource {
  private let source: any ByteSource
  private let stream: UnsafeMutablePointer<z_stream>
  private var input: [UInt8] = []
  private var consumed = 0
  /// Whether the bytes so far end at the end of a member.
  private var isBetweenMembers = true
  private var memberCount = 0

  var file: FileSource { source.file }

  init(_ source: any ByteSource) throws {
    self.source = source
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard cloze_inflate_init_gzip(stream) == Z_OK else {
      throw CorpusError.corrupt(path: source.file.name, reason: "zlib has no memory")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func next() throws -> [UInt8] {
    while true {
      if consumed == input.count {
        input = try source.next()
        consumed = 0
        if input.isEmpty {
          guard isBetweenMembers, memberCount > 0 else { throw CorpusError.truncated(path: file.name) }
          return []
        }
      }
      // After the last member there may be zeros, with which tapes and block devices are filled up.
      if isBetweenMembers, memberCount > 0 {
        consumed = input[consumed...].firstIndex { $0 != 0 } ?? input.count
        guard consumed < input.count else { continue }
      }
      let output = try inflateChunk()
      if !output.isEmpty { return output }
    }
  }

  private func inflateChunk() throws -> [UInt8] {
    var status = Z_OK
    isBetweenMembers = false
    let output = [UInt8](unsafeUninitializedCapacity: chunkSize) { output, initializedCount in
      input.withUnsafeMutableBufferPointer { input in
        stream.pointee.next_in = input.baseAddress.map { $0 + consumed }
        stream.pointee.avail_in = UInt32(input.count - consumed)
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(chunkSize)
        status = inflate(stream, Z_NO_FLUSH)
        consumed = input.count - Int(stream.pointee.avail_in)
      }
      initializedCount = chunkSize - Int(stream.pointee.avail_out)
    }
    switch status {
    case Z_STREAM_END:
      isBetweenMembers = true
      memberCount += 1
      inflateReset(stream)
    // Z_BUF_ERROR means that there was nothing to do, and is not an error.
    case Z_OK, Z_BUF_ERROR: break
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
      throw CorpusError.corrupt(path: file.name, reason: reason)
    }
    return output
  }
}
