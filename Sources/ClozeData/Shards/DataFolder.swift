internal import ClozeCore
package import Foundation

/// A data folder: what its files are called, and who may write them.
package struct DataFolder: Sendable {
  package let url: URL

  package init(_ url: URL) { self.url = url }

  /// Runs `body` with the sole right to write into the folder. Readers need no lock: what they see is whole or is refused.
  /// - Throws: `ShardError.otherWriter` where another process has the right; `FileError`; what `body` throws.
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
