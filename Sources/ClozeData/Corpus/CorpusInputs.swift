package import ClozeCore
package import Foundation

/// The files of a corpus, in the order in which they are read.
///
/// An input is a file; a folder, which stands for all files under it whose names end in one of `folderSuffixes`,
/// hidden ones left out, in the order of their paths' bytes; or a pattern with `*`, `?` or `[…]` for a file name of
/// the shell's kind. A path that exists is never taken for a pattern.
package struct CorpusInputs: Sendable {
  package struct File: Sendable, Equatable {
    package enum Compression: Sendable { case none, gzip, zstd }

    package let url: URL
    package let compression: Compression
    /// Whether every line is a JSON object; plain text otherwise.
    package let isJSONLines: Bool

    /// Judges by the name: `.jsonl`, and `.gz` or `.zst` after that or after any other.
    package init(_ url: URL) {
      self.url = url
      var name = url.lastPathComponent.lowercased()
      switch url.pathExtension.lowercased() {
      case "gz":
        compression = .gzip
        name.removeLast(3)
      case "zst":
        compression = .zstd
        name.removeLast(4)
      default: compression = .none
      }
      isJSONLines = name.hasSuffix(".jsonl")
    }

    /// Plain text, whatever its name.
    init(plain url: URL) {
      self.url = url
      compression = .none
      isJSONLines = false
    }
  }

  package let files: [File]
  /// The inputs as they were given, for messages.
  package let description: String
  /// Bytes on disk.
  package let byteCount: Int
  /// Equal where the files have the same paths, sizes and times of modification.
  package let identity: Digest

  static let folderSuffixes = ["", ".gz", ".zst"].flatMap { [".txt" + $0, ".jsonl" + $0] }

  /// - Parameters:
  ///   - inputs: paths and patterns; `-` stands for `standardInput`.
  ///   - standardInput: a file that holds what standard input gave, plain text.
  ///   - excluded: a folder whose files are no text though a folder of the inputs may hold it: the data folder.
  /// - Throws: `CorpusError`, `FileError`
  package init(_ inputs: [String], standardInput: URL? = nil, excluding excluded: URL? = nil) throws {
    var urls: [URL] = []
    for input in inputs {
      if input == "-", let standardInput {
        urls.append(standardInput)
      } else {
        for path in try CorpusInputs.matches(input) {
          urls += try CorpusInputs.expand(path, excluding: excluded)
        }
      }
    }
    files = urls.map { File($0) }
    description = inputs.joined(separator: " ")
    var identity = DigestBuilder()
    var byteCount = 0
    for url in urls {
      var status = stat()
      guard stat(url.path, &status) == 0 else { continue }
      byteCount += Int(status.st_size)
      let time = status.st_mtim
      identity.update("\(url.path.utf8.count) \(url.path) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)\n")
    }
    self.byteCount = byteCount
    self.identity = identity.finalize()
  }

  private static func matches(_ input: String) throws -> [String] {
    if FileManager.default.fileExists(atPath: input) { return [input] }
    guard input.contains(where: { "*?[".contains($0) }) else { throw FileError.missing(path: input) }
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(input, 0, nil, &found) == 0, let paths = found.gl_pathv else {
      throw CorpusError.noMatch(pattern: input)
    }
    return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
  }

  private static func expand(_ path: String, excluding excluded: URL?) throws -> [URL] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue
    else {
      return [URL(fileURLWithPath: path)]
    }
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    guard let enumerator = FileManager.default.enumerator(atPath: path) else {
      throw FileError.cannotRead(path: path, reason: "the folder cannot be listed")
    }
    let names = enumerator.compactMap { $0 as? String }.filter { name in
      folderSuffixes.contains { name.lowercased().hasSuffix($0) }
        && !name.split(separator: "/").contains { $0.hasPrefix(".") }
    }
    let excludedPath = excluded.map { $0.resolvingSymlinksInPath().path + "/" }
    // By bytes, so that the order is the same in every locale.
    let urls = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .map { folder.appendingPathComponent($0) }
      .filter { url in
        if let excludedPath, url.resolvingSymlinksInPath().path.hasPrefix(excludedPath) { return false }
        // Nobody named what lies in a folder: a pipe there is no text to wait for.
        var status = stat()
        return stat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      }
    guard !urls.isEmpty else { throw CorpusError.emptyFolder(path: path) }
    return urls
  }
}
