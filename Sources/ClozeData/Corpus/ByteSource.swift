internal import ClozeCore
internal import Foundation

/// A stream of bytes that is read once, from its beginning to its end.
protocol ByteSource: AnyObject {
  /// The next bytes, at most about `chunkSize` of them; none at the end.
  func next() throws -> [UInt8]
  /// The file that the bytes come from in the end.
  var file: FileSource { get }
}

/// How many bytes the sources of a corpus take at a time.
let chunkSize = 1 << 18

/// A file as it is.
final class FileSource: ByteSource {
  /// As messages name it.
  let name: String
  private(set) var bytesFromDisk = 0
  private let descriptor: FileDescriptor

  var file: FileSource { self }

  /// How messages name standard input.
  static let standardInputName = "standard input"

  /// - Throws: `FileError`
  init(_ url: URL, name: String) throws {
    self.name = name
    // Unlike a data folder's files, text that the user names may come from a pipe, and is waited for.
    descriptor = try FileDescriptor(stream: url.path, name: name)
  }

  /// Standard input.
  /// - Throws: `FileError`
  init() throws {
    name = FileSource.standardInputName
    descriptor = try FileDescriptor(standardInput: name)
  }

  /// Bytes of the file; 0 where that is not known.
  var byteCount: Int { (try? descriptor.size()) ?? 0 }

  /// Goes on at byte `offset`; the bytes before it count as read.
  /// - Throws: `FileError`
  func seek(to offset: Int) throws {
    try descriptor.seek(to: offset)
    bytesFromDisk = offset
  }

  func next() throws -> [UInt8] {
    let bytes = try [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, count in
      count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    bytesFromDisk += bytes.count
    return bytes
  }
}

/// A source whose beginning was looked at, and is still to be read.
final class PeekedSource: ByteSource {
  /// The first bytes: all that the source has, or at least as many as were asked for.
  let beginning: [UInt8]
  /// Whether `beginning` is all there is.
  let isWhole: Bool
  private let source: any ByteSource
  private var isBeginningRead = false

  var file: FileSource { source.file }

  /// - Parameter count: how many bytes are enough to look at, given those that came; so a caller need not wait for bytes
  ///   that nobody has written yet.
  /// - Throws: `FileError`, `CorpusError`
  init(_ source: any ByteSource, count: (_ bytes: [UInt8]) -> Int) throws {
    self.source = source
    var bytes: [UInt8] = []
    var isWhole = false
    while !isWhole, bytes.count < count(bytes) {
      let chunk = try source.next()
      isWhole = chunk.isEmpty
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
    }
    (beginning, self.isWhole) = (bytes, isWhole)
  }

  func next() throws -> [UInt8] {
    guard isBeginningRead || beginning.isEmpty else {
      isBeginningRead = true
      return beginning
    }
    return isWhole ? [] : try source.next()
  }
}
