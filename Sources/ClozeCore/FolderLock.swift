package import Foundation

/// The exclusive lock of a folder for a writer, until the value is released. It is a `flock(2)`, which the system
/// releases with the process, however it ends, so a killed process locks nothing.
package final class FolderLock: Sendable {
  /// Another process has the lock.
  package struct Held: Error {
    /// Its process id, if the lock file has it.
    package let process: Int?
  }

  private let file: FileDescriptor
  /// nil if the lock is on the folder itself.
  private let filePath: String?
  private let createdFolder: URL?

  /// Locks an existing folder, without a lock file.
  /// - Throws: `Held`, `FileError`
  package init(_ folder: URL) throws {
    file = try FileDescriptor(folder: folder.path)
    (filePath, createdFolder) = (nil, nil)
    guard try file.lock() else { throw Held(process: nil) }
  }

  /// Locks a file in the folder, which contains the process id until the lock is released. Creates the folder if it
  /// does not exist.
  /// - Throws: `Held`, `FileError`
  package init(_ folder: URL, fileName: String) throws {
    let path = folder.appendingPathComponent(fileName).path
    createdFolder = FileManager.default.fileExists(atPath: folder.path) ? nil : folder
    filePath = path
    file = try FolderLock.locked(path, in: folder)
    // On a full disk a second process is refused without the process id.
    try? file.truncate(to: 0)
    try? Array("\(getpid())\n".utf8).withUnsafeBytes { try file.write($0) }
  }

  deinit {
    if let filePath { unlink(filePath) }
    // Removes the folder again if the run never started; `rmdir` keeps a folder with files.
    if let createdFolder { rmdir(createdFolder.path) }
  }

  private static func locked(_ path: String, in folder: URL) throws -> FileDescriptor {
    while true {
      try Folder.create(folder)
      do {
        let file = try FileDescriptor(updating: path, flags: O_RDWR | O_CREAT)
        guard try file.lock() else { throw Held(process: try owner(file)) }
        // The last owner may have removed the file after it was opened here. Another process would then lock a new
        // file, so try again.
        if file.hasItsName { return file }
      } catch is FileError where !FileManager.default.fileExists(atPath: folder.path) {
        // The last owner has removed the folder together with the lock.
      }
    }
  }

  private static func owner(_ file: borrowing FileDescriptor) throws -> Int? {
    try withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { bytes in
      let count = try file.read(into: bytes, at: 0)
      return Int(String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
  }
}
