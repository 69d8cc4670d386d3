package import Foundation

/// The sole right to write into a folder, until the value goes. It is a lock of the system's (`flock(2)`), which ends with the
/// process, however that ends: a process that was killed locks nothing.
package final class FolderLock: Sendable {
  /// Another process has the lock.
  package struct Held: Error {
    /// Its number, where it has written one down.
    package let process: Int?
  }

  private let file: FileDescriptor
  /// Nil where the lock is on the folder itself.
  private let filePath: String?
  private let createdFolder: URL?

  /// Locks a folder that there is, without leaving anything in it.
  /// - Throws: `Held`, `FileError`
  package init(_ folder: URL) throws {
    file = try FileDescriptor(folder: folder.path)
    (filePath, createdFolder) = (nil, nil)
    guard try file.lock() else { throw Held(process: nil) }
  }

  /// Locks a file in the folder, which holds this process's number until the lock goes. Makes the folder where there is none.
  /// - Throws: `Held`, `FileError`
  package init(_ folder: URL, fileName: String) throws {
    let path = folder.appendingPathComponent(fileName).path
    createdFolder = FileManager.default.fileExists(atPath: folder.path) ? nil : folder
    filePath = path
    file = try FolderLock.locked(path, in: folder)
    // On a full disk a second process is refused without a number.
    try? file.truncate(to: 0)
    try? Array("\(getpid())\n".utf8).withUnsafeBytes { try file.write($0) }
  }

  deinit {
    if let filePath { unlink(filePath) }
    // Of a run that never began, nothing is left; a folder with files in it is not removed.
    if let createdFolder { rmdir(createdFolder.path) }
  }

  private static func locked(_ path: String, in folder: URL) throws -> FileDescriptor {
    while true {
      try Folder.create(folder)
      do {
        let file = try FileDescriptor(updating: path, flags: O_RDWR | O_CREAT)
        guard try file.lock() else { throw Held(process: try owner(file)) }
        // The last owner may have removed the file after it was opened here: then it is no longer the one that others open.
        if file.hasItsName { return file }
      } catch is FileError where !FileManager.default.fileExists(atPath: folder.path) {
        // The last owner has removed the folder with the lock.
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
