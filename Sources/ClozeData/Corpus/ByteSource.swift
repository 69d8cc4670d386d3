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

  /// - Throws: `FileError`
  init(_ url: URL) throws {
    path = url.path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

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
  /// The file's bytes, inflated where it is compressed.
  func open() throws -> any ByteSource {
    let file = try FileSource(url)
    return switch compression {
    case .none: file
    case .gzip: try GzipSource(file)
    case .zstd: try ZstdSource(file)
    }
  }
}
