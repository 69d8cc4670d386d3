package import Foundation

extension Folder {
  /// The free bytes for this user on the file system of `url`, or of its nearest existing parent. nil if the system
  /// does not tell. Quotas and limits on the size of files are not considered.
  package static func freeBytes(at url: URL) -> Int? {
    var url = url.standardizedFileURL
    var status = statvfs()
    while statvfs(url.path, &status) != 0 {
      guard errno == ENOENT, url.path != "/" else { return nil }
      url.deleteLastPathComponent()
    }
    return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// The bytes of the files in a folder, without subfolders.
  package static func byteCount(of url: URL) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      return stat(url.appendingPathComponent(name).path, &status) == 0 ? sum + Int(status.st_size) : sum
    }
  }
}
