package import Foundation

/// A file that only grows. A later process can resume it at a length at which this one made it durable. Dropped, it stays as it is.
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

  package private(set) var length = 0
  private let file: FileDescriptor
  private var digest = DigestBuilder()

  /// Makes the file, empty, in place of an earlier one.
  /// - Throws: `FileError`
  package init(_ url: URL) throws {
    file = try FileDescriptor(creating: url.path)
  }

  /// Opens a file that another process left, and cuts off what comes after the mark.
  ///
  /// Nil where it is not there, is a link, is shorter, has other bytes before the mark, or cannot be read or cut.
  package init?(_ url: URL, resumingAt mark: Mark) {
    guard let file = try? FileDescriptor(updating: url.path) else { return nil }
    self.file = file
    guard let size = try? self.file.size(), (0...size).contains(mark.length) else { return nil }
    length = mark.length
    var builder = DigestBuilder()
    guard (try? visit { builder.update($0) }) != nil, builder.digestSoFar == mark.digest else { return nil }
    digest = builder
    guard (try? self.file.truncate(to: length)) != nil, (try? self.file.seek()) == length else { return nil }
  }

  /// - Throws: `FileError`
  package func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { bytes in
      digest.update(bytes)
      try file.write(bytes)
    }
    length += bytes.count
  }

  /// Makes what is there durable.
  /// - Returns: where to resume.
  /// - Throws: `FileError`
  @discardableResult
  package func synchronize() throws -> Mark {
    try file.synchronize()
    return Mark(length: length, digest: digest.digestSoFar)
  }

  /// Gives all bytes to `body`, one MiB at a time.
  /// - Throws: `FileError`, and what `body` throws.
  package func visit(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try file.visit(0..<length, body)
  }
}
