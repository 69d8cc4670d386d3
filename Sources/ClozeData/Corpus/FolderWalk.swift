internal import ClozeCore
internal import Foundation

/// The text files under a folder, in the order of their paths' bytes, which is the same in every locale.
///
/// Links are followed. A folder or file that several paths lead to is read once, under the first path, so a circle of
/// links ends. Hidden names, pipes and devices are left out. A file that cannot be read is an error, since nobody would
/// notice that it is missing.
struct FolderWalk {
  /// The suffixes of text files.
  static let textSuffixes = [".txt"] + jsonSuffixes
  static let jsonSuffixes = [".jsonl", ".ndjson", ".json"]
  /// Suffixes that may follow. Compressed files that Cloze does not read are listed too, so that they are refused and
  /// not silently left out.
  private static let packedSuffixes = [
    "", ".gz", ".zst", ".bz2", ".xz", ".lzma", ".lz4", ".lz", ".zip", ".7z", ".br",
  ]
  private static let suffixes = packedSuffixes.flatMap { packed in textSuffixes.map { $0 + packed } }

  /// The identity of a file, independent of its paths.
  private struct Identity: Hashable {
    let device: UInt
    let number: UInt

    init(_ status: stat) { (device, number) = (UInt(status.st_dev), UInt(status.st_ino)) }
  }

  private(set) var paths: [String] = []
  /// The files that are left out because of their names.
  private(set) var others: [String] = []
  private var met: Set<Identity> = []

  /// - Parameter excluded: a folder to leave out, with everything in it.
  /// - Throws: `CorpusError`, `FileError`
  init(_ folder: String, excluding excluded: String?) throws {
    if let excluded, let status = FolderWalk.status(excluded) { met.insert(Identity(status)) }
    guard let status = FolderWalk.status(folder) else { throw FileError.reading(folder) }
    guard !met.contains(Identity(status)) else { throw CorpusError.outputFolder(path: folder) }
    try visit(folder, status)
    guard !paths.isEmpty else { throw CorpusError.emptyFolder(path: folder) }
  }

  private mutating func visit(_ folder: String, _ status: stat) throws {
    guard met.insert(Identity(status)).inserted else { return }
    var entries: [(name: String, path: String, status: stat)] = []
    for name in try FolderWalk.names(in: folder) {
      let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
      guard let status = FolderWalk.status(path) else {
        let code = errno
        var link = stat()
        guard code == ENOENT, lstat(path, &link) == 0 else { throw FileError.reading(path, errno: code) }
        throw CorpusError.danglingLink(path: path)
      }
      // Sorted with the slash, as in the paths of the folder's files.
      entries.append((status.st_mode & S_IFMT == S_IFDIR ? name + "/" : name, path, status))
    }
    entries.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for entry in entries {
      if entry.status.st_mode & S_IFMT == S_IFDIR {
        try visit(entry.path, entry.status)
      } else if entry.status.st_mode & S_IFMT == S_IFREG {
        if !FolderWalk.suffixes.contains(where: entry.name.lowercased().hasSuffix) {
          others.append(entry.path)
        } else if met.insert(Identity(entry.status)).inserted {
          paths.append(entry.path)
        }
      }
    }
  }

  /// nil if there is no such file; `errno` has the reason.
  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// The names in a folder that are not hidden. Foundation leaves out names that are not UTF-8.
  private static func names(in folder: String) throws -> [String] {
    guard let stream = opendir(folder) else { throw FileError.reading(folder) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if bytes.first != UInt8(ascii: ".") {
        guard let name = String(validating: bytes, as: UTF8.self) else {
          throw CorpusError.unreadableName(folder: folder, name: String(decoding: bytes, as: UTF8.self))
        }
        names.append(name)
      }
      errno = 0
    }
    guard errno == 0 else { throw FileError.reading(folder) }
    return names
  }
}
