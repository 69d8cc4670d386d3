internal import ClozeCore
internal import ClozeEvaluation
package import Foundation

/// The exclusive lock of a run folder: one process writes into it at a time.
///
/// It is a `flock(2)` on the file `run.lock`, which contains the process id. The system releases the lock when the
/// process ends, however it ends, so the file of a killed run locks nothing.
package final class RunLock: Sendable {
  package static let fileName = "run.lock"

  private let folder: URL
  private let path: String
  private let descriptor: Int32
  private let madeFolder: Bool

  /// Creates the folder if it does not exist.
  ///
  /// - Throws: `CheckpointError.inUse`, which names the process that has the lock; `FileError`
  package init(_ folder: URL) throws {
    let path = folder.appendingPathComponent(RunLock.fileName).path
    self.folder = folder
    self.path = path
    madeFolder = !FileManager.default.fileExists(atPath: folder.path)
    while true {
      try Folder.create(folder)
      let file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
      if file < 0, errno == ENOENT { continue }
      guard file >= 0 else { throw FileError.writing(path) }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        let owner = RunLock.owner(file)
        close(file)
        if code == EINTR { continue }
        guard code == EWOULDBLOCK else { throw FileError.writing(path, errno: code) }
        throw CheckpointError.inUse(path: folder.path, process: owner)
      }
      // The last owner may have removed the file after it was opened here. Another process would then lock a new file,
      // so try again.
      var opened = stat()
      var named = stat()
      if fstat(file, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino {
        descriptor = file
        break
      }
      close(file)
    }
    // If the disk has no room even for these bytes, a second process is refused without the process id.
    ftruncate(descriptor, 0)
    let number = "\(getpid())\n"
    _ = number.withCString { pwrite(descriptor, $0, number.utf8.count, 0) }
  }

  deinit {
    unlink(path)
    // Removes the folder again if the run never started; `rmdir` keeps a folder with files.
    if madeFolder { rmdir(folder.path) }
    close(descriptor)
  }

  private static func owner(_ file: Int32) -> Int? {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = pread(file, &bytes, bytes.count, 0)
    return count > 0 ? Int(String(decoding: bytes.prefix(count - 1), as: UTF8.self)) : nil
  }
}
