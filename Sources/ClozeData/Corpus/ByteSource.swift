internal import ClozeCore
internal import Foundation

/// A stream of bytes that is read once, from beginning to end.
protocol ByteSource: AnyObject {
  /// The next bytes, at most about `chunkSize`; empty at the end.
  func next() throws -> [UInt8]
  /// The file from which the bytes are read.
  var file: FileSource { get }
}

/// The number of bytes that the sources of a corpus read at a time.
let chunkSize = 1 << 18

/// The bytes of a file, unchanged.
final class FileSource: ByteSource {
  /// The name in messages.
  let name: String
  private(set) var bytesFromDisk = 0
  private let descriptor: FileDescriptor

  var file: FileSource { self }

  /// The name of standard input in messages.
  static let standardInputName = "standard input"

  /// - Throws: `FileError`
  init(_ url: URL, name: String) throws {
    self.name = name
    // Unlike the files of a data folder, text that the user names may be a pipe, so opening may block.
    descriptor = try FileDescriptor(stream: url.path, name: name)
  }

  /// Standard input.
  /// - Throws: `FileError`
  init() throws {
    name = FileSource.standardInputName
    descriptor = try FileDescriptor(standardInput: name)
  }

  /// The size of the file in bytes; 0 if it is unknown.
  var byteCount: Int { (try? descriptor.size()) ?? 0 }

  /// Continues at byte `offset`; the bytes before it count as read.
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

/// A source that reads the first bytes in advance, and returns them again.
final class PeekedSource: ByteSource {
  /// The first bytes: all of the source, or at least as many as requested.
  let beginning: [UInt8]
  /// Whether `beginning` is the whole source.
  let isWhole: Bool
  private let source: any ByteSource
  private var isBeginningRead = false

  var file: FileSource { source.file }

  /// - Parameter count: the number of bytes that are enough, given those read so far. So a caller does not wait for
  ///   bytes that nobody has written yet.
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
