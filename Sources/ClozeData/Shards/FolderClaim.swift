internal import ClozeCore
package import Foundation

/// The sole right to write into a data folder, until the value goes or the program ends in whatever way.
///
/// It is a lock of the system's on the folder itself, so nothing is left that a killed program would have to take away.
/// Readers need no claim: what they see is whole or is refused.
package final class FolderClaim {
  private let descriptor: Int32

  /// - Throws: `ShardError.otherWriter` where another program has the claim; `FileError`
  package init(_ folder: URL) throws {
    let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOTDIR ? FileError.notADirectory(path: folder.path) : FileError.reading(folder.path)
    }
    self.descriptor = descriptor
    var status: Int32
    repeat { status = flock(descriptor, LOCK_EX | LOCK_NB) } while status < 0 && errno == EINTR
    // A file system without locks gives no claim, and no reason to write nothing.
    guard status == 0 || errno != EWOULDBLOCK else { throw ShardError.otherWriter(path: folder.path) }
  }

  deinit { close(descriptor) }
}
