package import Foundation

/// Writes a file atomically. Bytes go to a temporary file beside it; `commit` syncs it, renames it and syncs the
/// folder. Without `commit`, nothing is left.
package struct AtomicFile: ~Copyable {
  private let file: FileDescriptor
  private var isCommitted = false

  /// - Throws: `FileError`
  package init(_ url: URL) throws {
    file = try FileDescriptor(creating: url.path + ".partial", name: url.path)
  }

  deinit { if !isCommitted { unlink(file.path + ".partial") } }

  /// - Throws: `FileError`
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }

  package mutating func write(_ data: Data) throws {
    try data.withUnsafeBytes { try write($0) }
  }

  /// - Throws: `FileError`
  package consuming func commit() throws {
    try file.synchronize()
    guard rename(file.path + ".partial", file.path) == 0 else { throw FileError.writing(file.path) }
    isCommitted = true
    try Folder.synchronize(URL(fileURLWithPath: file.path).deletingLastPathComponent())
  }

  /// Writes `data` to `url` in one go.
  package static func write(_ data: Data, to url: URL) throws {
    var file = try AtomicFile(url)
    try file.write(data)
    try file.commit()
  }
}
