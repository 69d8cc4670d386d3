import ClozeCore
import Foundation

/// A temporary file with the bytes of standard input, which is removed at the end.
struct StandardInputSpool {
  let url: URL

  /// - Throws: `FileError`
  init(in folder: URL) throws {
    url = folder.appendingPathComponent(".standard-input")
    var file = try AtomicFile(url)
    while true {
      let chunk: Data
      do {
        chunk = try FileHandle.standardInput.read(upToCount: 1 << 20) ?? Data()
      } catch {
        throw FileError.cannotRead(path: "standard input", reason: "\(error.localizedDescription)")
      }
      if chunk.isEmpty { break }
      try file.write(chunk)
    }
    try file.commit()
  }

  func remove() {
    unlink(url.path)
  }
}
