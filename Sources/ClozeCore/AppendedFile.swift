package import Foundation

/// A file that only grows, and that a later process can go on with from a length at which this one made it durable.
/// Dropped, it stays as it is.
package final class AppendedFile {
  /// How far a file had come.
  package struct Mark: Codable, Sendable, Equatable {
    /// Bytes.
    package var length: Int
    /// Of these bytes.
    package var digest: Digest

    package init(length: Int, digest: Digest) {
      (self.length, self.digest) = (length, digest)
    }
  }

  package let path: String
  package private(set) var length = 0
  private let descriptor: Int32
  private var digest = DigestBuilder()

  /// Makes the file, empty, in place of an earlier one.
  /// - Throws: `FileError`
  package init(_ url: URL) throws {
    path = url.path
    descriptor = try RegularFile.create(path)
  }

  /// Goes on with a file that was left: cuts off what came after the mark.
  ///
  /// Nil where it is not there, is a link, is shorter, has other bytes before the mark, or cannot be read or cut.
  package init?(_ url: URL, goingOnAfter mark: Mark) {
    path = url.path
    guard let (descriptor, size) = try? RegularFile.goOn(path, flags: O_RDWR) else { return nil }
    self.descriptor = descriptor
    guard (0...size).contains(mark.length) else { return nil }
    length = mark.length
    var builder = DigestBuilder()
    guard (try? visit { builder.update($0) }) != nil, builder.digestSoFar == mark.digest else { return nil }
    digest = builder
    guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, 0, SEEK_END) == length else {
      return nil
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// - Throws: `FileError`
  package func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { bytes in
      digest.update(bytes)
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Foundation.write(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        guard written >= 0 || errno == EINTR else { throw FileError.writing(path) }
        rest = rest.dropFirst(max(0, written))
      }
    }
    length += bytes.count
  }

  /// Makes what is there durable.
  /// - Returns: where to go on from.
  /// - Throws: `FileError`
  @discardableResult
  package func synchronize() throws -> Mark {
    guard fsync(descriptor) == 0 else { throw FileError.writing(path) }
    return Mark(length: length, digest: digest.digestSoFar)
  }

  /// Gives all bytes to `body`, one MiB at a time.
  /// - Throws: `FileError`, and what `body` throws.
  package func visit(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 16) { chunk in
      var offset = 0
      while offset < length {
        var filled = 0
        let count = min(chunk.count, length - offset)
        while filled < count {
          let status = pread(
            descriptor, UnsafeMutableRawBufferPointer(rebasing: chunk[filled..<count]).baseAddress,
            count - filled, off_t(offset + filled))
          guard status > 0 || status < 0 && errno == EINTR else {
            throw status == 0
              ? FileError.cannotRead(path: path, reason: "it has become shorter") : FileError.reading(path)
          }
          filled += max(0, status)
        }
        try body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        offset += count
      }
    }
  }
}
