package import Foundation

extension Folder {
  /// Bytes that the file system of `url` has left for this user; of a folder that is not there yet, its nearest parent's.
  /// Nil where the system does not say. Quotas and limits on the size of files are not in it.
  package static func freeBytes(at url: URL) -> Int? {
    var url = url.standardizedFileURL
    var status = statvfs()
    while statvfs(url.path, &status) != 0 {
      guard errno == ENOENT, url.path != "/" else { return nil }
      url.deleteLastPathComponent()
    }
    return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// Bytes of the files in a folder, not in the folders within it.
  package static func byteCount(of url: URL) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      return stat(url.appendingPathComponent(name).path, &status) == 0 ? sum + Int(status.st_size) : sum
    }
  }
}
