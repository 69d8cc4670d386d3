internal import ClozeCore
package import Foundation

/// A data folder: the names of its files, and the lock of its writer.
package struct DataFolder: Sendable {
  package let url: URL

  package init(_ url: URL) { self.url = url }

  /// Runs `body` while the folder is locked for writing. Readers need no lock: they see a whole data set or refuse it.
  /// - Throws: `ShardError.otherWriter` if another process has the lock; `FileError`; the errors of `body`.
  package func withLock<Result>(_ body: () throws -> Result) throws -> Result {
    let lock: FolderLock
    do {
      lock = try FolderLock(url)
    } catch is FolderLock.Held {
      throw ShardError.otherWriter(path: url.path)
    }
    return try withExtendedLifetime(lock, body)
  }
}
