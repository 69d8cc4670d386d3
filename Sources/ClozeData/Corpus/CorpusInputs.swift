package import ClozeCore
package import Foundation

/// The files of a corpus, in the order in which they are read.
///
/// An input is a file; a folder, which means all text files in it (see `FolderWalk`); or a shell pattern with `*`, `?`
/// or `[…]`. A path that exists is not read as a pattern. A file is read as often as it is named. Its first bytes
/// decide its format (see `FileContent`).
package struct CorpusInputs: Sendable {
  package struct File: Sendable, Equatable {
    package let url: URL
    /// The name in messages.
    package let name: String
    /// Whether the caller reads plain lines, so that JSON is not treated specially.
    let isPlain: Bool

    package init(_ url: URL, name: String? = nil) {
      (self.url, self.name, isPlain) = (url, name ?? url.path, false)
    }

    /// A file of plain lines.
    init(plain url: URL) {
      (self.url, name, isPlain) = (url, url.path, true)
    }

    /// The file's format by its name; it counts only if the content does not decide.
    private var nameParts: [Substring] { url.lastPathComponent.lowercased().split(separator: ".").suffix(2) }
    private var isNamedPacked: Bool { nameParts.last.map { ["gz", "zst"].contains($0) } ?? false }
    private var isNamedJSON: Bool {
      let last = isNamedPacked ? nameParts.first : nameParts.last
      return last.map { ["jsonl", "ndjson", "json"].contains($0) } ?? false
    }

    /// Opens the file at its beginning.
    /// - Throws: `CorpusError`, `FileError`
    func open(encoding: TextEncoding?) throws -> OpenedText {
      let text = try OpenedText(FileSource(url, name: name), encoding: encoding, canChoose: !isPlain)
      // Compressed data are never empty, so the file is incomplete.
      if text.beginning.isEmpty, isNamedPacked { throw CorpusError.truncated(path: name) }
      if isPlain {
        try InvalidBytes.refuseOtherEncoding(text)
      } else {
        switch text.shape {
        case .array: throw CorpusError.array(path: name)
        case .spread: throw CorpusError.spreadObjects(path: name)
        case .lines, .none: break
        }
      }
      return text
    }

    /// Whether every line of the text is a JSON object: by its first line or, if there is none, by the file's name.
    func isJSONLines(_ text: OpenedText) -> Bool { !isPlain && (text.shape == .lines || isNamedJSON) }
  }

  package let files: [File]
  /// The inputs as given, for messages.
  package let description: String
  /// The files in the folders that are left out because of their names.
  package let others: [String]
  /// Bytes on disk.
  package let byteCount: Int
  /// A digest that is equal if the files have the same paths, sizes and modification times.
  package let identity: Digest

  /// - Parameters:
  ///   - inputs: paths and patterns, or a key of `spools`, such as `-` for standard input.
  ///   - spools: files with the content of inputs that can be read only once, by the input.
  ///   - excluded: a folder to leave out although an input may contain it: the data folder.
  /// - Throws: `CorpusError`, `FileError`
  package init(_ inputs: [String], spools: [String: URL] = [:], excluding excluded: URL? = nil) throws {
    var files: [File] = []
    var others: [String] = []
    for input in inputs {
      if let spool = spools[input] {
        files.append(File(spool, name: input == "-" ? FileSource.standardInputName : input))
      } else {
        for path in try CorpusInputs.matches(input) {
          guard CorpusInputs.isFolder(path) else {
            files.append(File(URL(fileURLWithPath: path)))
            continue
          }
          let walk = try FolderWalk(path, excluding: excluded?.path)
          files += walk.paths.map { File(URL(fileURLWithPath: $0)) }
          others += walk.others
        }
      }
    }
    (self.files, self.others) = (files, others)
    description = inputs.joined(separator: " ")
    var identity = DigestBuilder()
    var byteCount = 0
    for url in files.map(\.url) {
      var status = stat()
      guard stat(url.path, &status) == 0 else { continue }
      byteCount += Int(status.st_size)
      let time = status.st_mtim
      identity.update("\(url.path.utf8.count) \(url.path) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)\n")
    }
    self.byteCount = byteCount
    self.identity = identity.finalize()
  }

  /// The digest of the files, whatever their names.
  /// - Throws: `FileError`
  package func digest() throws -> Digest {
    var builder = DigestBuilder()
    for file in files { builder.update(try Digest.ofFile(file.url).digest.hex) }
    return builder.finalize()
  }

  /// Opens every file, so that an unreadable one is found before the work begins. Pipes are not opened, since they can
  /// be read only once.
  /// - Throws: `CorpusError`, `FileError`
  package func check(_ format: CorpusFormat) throws {
    for file in files {
      var status = stat()
      guard stat(file.url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      _ = try file.open(encoding: format.encoding)
    }
  }

  /// Whether a text is a pipe, a device or standard input (`-`), which can be read only once.
  package static func isStream(_ input: String) -> Bool {
    var status = stat()
    guard stat(input, &status) == 0 else { return input == "-" }
    return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  private static func matches(_ input: String) throws -> [String] {
    var status = stat()
    if stat(input, &status) == 0 { return [input] }
    let code = errno
    if code == ENOENT, lstat(input, &status) == 0 { throw CorpusError.danglingLink(path: input) }
    guard input.contains(where: { "*?[".contains($0) }) else { throw FileError.reading(input, errno: code) }
    var found = glob_t()
    defer { globfree(&found) }
    // glob would silently skip a folder that cannot be read.
    let result = glob(input, GLOB_ERR, nil, &found)
    guard result != GLOB_ABORTED else { throw CorpusError.unreadablePattern(pattern: input) }
    guard result == 0, let paths = found.gl_pathv else { throw CorpusError.noMatch(pattern: input) }
    return try (0..<Int(found.gl_pathc)).compactMap { index in
      guard let path = paths[index] else { return nil }
      guard let name = String(validatingCString: path) else {
        throw CorpusError.unreadableName(folder: input, name: String(cString: path))
      }
      return name
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
