package import Foundation

/// A file that is only appended to. A later process can continue it from a length at which it was synced. When the
/// value is released, the file stays.
package final class AppendedFile {
  /// The state of a file: its length, and the digest of its bytes.
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

  /// Creates an empty file, which replaces an earlier one.
  /// - Throws: `FileError`
  package init(_ url: URL) throws {
    file = try FileDescriptor(creating: url.path)
  }

  /// Continues the file of another process: truncates it to the length of the mark.
  ///
  /// nil if it does not exist, is a link, is shorter, has other bytes before the mark, or cannot be read or truncated.
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

  /// Syncs the file.
  /// - Returns: the mark from which a later process can continue.
  /// - Throws: `FileError`
  @discardableResult
  package func synchronize() throws -> Mark {
    try file.synchronize()
    return Mark(length: length, digest: digest.digestSoFar)
  }

  /// Passes all bytes to `body`, one MiB at a time.
  /// - Throws: `FileError`, and what `body` throws.
  package func visit(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try file.visit(0..<length, body)
  }
}
