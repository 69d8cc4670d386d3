internal import ClozeCore
internal import Foundation

/// A stream of bytes that is read once, from its beginning to its end.
protocol ByteSource: AnyObject {
  /// The next bytes, at most about `chunkSize` of them; none at the end.
  func next() throws -> [UInt8]
  /// How many bytes were read from the disk so far.
  var bytesFromDisk: Int { get }
}

/// How many bytes the sources of a corpus take at a time.
let chunkSize = 1 << 18

/// A file as it is.
final class FileSource: ByteSource {
  let path: String
  private(set) var bytesFromDisk = 0
  private let descriptor: Int32

  /// - Parameter offset: the first byte to read; the bytes before it count as read.
  /// - Throws: `FileError`
  init(_ url: URL, from offset: Int = 0) throws {
    path = url.path
    // Unlike a data folder's files, text that the user names may come from a pipe, and is waited for.
    descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
    if offset > 0 {
      guard lseek(descriptor, off_t(offset), SEEK_SET) == offset else { throw FileError.reading(path) }
      bytesFromDisk = offset
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Bytes of the file; 0 where that is not known.
  var byteCount: Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  func next() throws -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, initializedCount in
      var status: Int
      repeat { status = read(descriptor, buffer.baseAddress, chunkSize) } while status < 0 && errno == EINTR
      if status < 0 { failure = errno }
      initializedCount = max(0, status)
    }
    guard failure == 0 else { throw FileError.reading(path, errno: failure) }
    bytesFromDisk += bytes.count
    return bytes
  }
}

extension CorpusInputs.File {
  /// The file's bytes, inflated where it is compressed, from byte `offset` of them on. A plain file is read from there; a
  /// compressed one has to be inflated from its beginning.
  /// - Returns: the source, and bytes after `offset` that it has already given.
  /// - Throws: `CorpusError.changed` where the file ends before `offset`; `CorpusError`, `FileError`
  func open(from offset: Int) throws -> (source: any ByteSource, given: [UInt8]) {
    let source: any ByteSource =
      switch compression {
      case .none: try FileSource(url, from: offset)
      case .gzip: try GzipSource(FileSource(url))
      case .zstd: try ZstdSource(FileSource(url))
      }
    guard compression != .none else { return (source, []) }
    var skipped = 0
    while skipped < offset {
      let chunk = try source.next()
      guard !chunk.isEmpty else { throw CorpusError.changed(inputs: url.path) }
      skipped += chunk.count
      if skipped >= offset { return (source, Array(chunk.suffix(skipped - offset))) }
    }
    return (source, [])
  }
}
