package import Foundation

/// Operations on folders.
package enum Folder {
  /// Whether `url` is a folder and not a link to one.
  package static func isReal(_ url: URL) -> Bool {
    var status = stat()
    return lstat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  package static func create(_ url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), !isDirectory.boolValue {
        throw FileError.notADirectory(path: url.path)
      }
      if Folder.isFullDisk(error) { throw FileError.diskFull(path: url.path) }
      throw FileError.cannotWrite(path: url.path, reason: "the folder cannot be made")
    }
  }

  /// Whether an error of Foundation's tells that the disk, its table of files, or the user's share of it is full.
  private static func isFullDisk(_ error: any Error) -> Bool {
    guard let error = error as? CocoaError else { return false }
    return error.code == .fileWriteOutOfSpace || (error.underlying as? POSIXError)?.code == .EDQUOT
  }

  /// Syncs the names in a folder.
  package static func synchronize(_ url: URL) throws {
    try FileDescriptor(folder: url.path).synchronize()
  }

  /// Fills a folder under a temporary name with `fill`, then renames it to `url`.
  package static func createAtomically(_ url: URL, fill: (URL) throws -> Void) throws {
    let temporary = url.appendingPathExtension("partial")
    try? FileManager.default.removeItem(at: temporary)
    try create(temporary)
    do {
      try fill(temporary)
      try synchronize(temporary)
      if FileManager.default.fileExists(atPath: url.path) {
        let old = url.appendingPathExtension("replaced")
        try? FileManager.default.removeItem(at: old)
        guard rename(url.path, old.path) == 0 else { throw FileError.writing(old.path) }
        guard rename(temporary.path, url.path) == 0 else { throw FileError.writing(url.path) }
        try? FileManager.default.removeItem(at: old)
      } else {
        guard rename(temporary.path, url.path) == 0 else { throw FileError.writing(url.path) }
      }
      try synchronize(url.deletingLastPathComponent())
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
  }
}

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

  /// The bytes of the files in a folder and in its subfolders.
  package static func byteCount(of url: URL) -> Int {
    let names = (try? fileNames(in: url)) ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      return stat(url.appendingPathComponent(name).path, &status) == 0 ? sum + Int(status.st_size) : sum
    }
  }

  /// The names of all files in a folder and in its subfolders, such as `config.json` and `generator/config.json`, sorted.
  /// Links to folders count as files.
  package static func fileNames(in url: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path).flatMap { name in
      let member = url.appendingPathComponent(name)
      return isReal(member) ? try fileNames(in: member).map { "\(name)/\($0)" } : [name]
    }.sorted()
  }

  /// Makes a symbolic link, atomically, in place of one that may be there.
  /// - Parameter target: relative to the link's folder.
  /// - Throws: `FileError`
  package static func link(_ link: URL, to target: String) throws {
    let temporary = link.path + ".partial"
    unlink(temporary)
    guard symlink(target, temporary) == 0, rename(temporary, link.path) == 0 else {
      throw FileError.writing(link.path)
    }
  }
}

extension URL {
  /// Bytes of a regular file; nil where there is none.
  package var fileSize: Int? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }
}
