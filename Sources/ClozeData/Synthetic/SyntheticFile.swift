package import ClozeCore
package import Foundation

/// Writes a file of synthetic pairs, in parts, so that a later call can continue it.
///
/// Rows go to `FILE.partial`. After each part this file is synced and `FILE.progress` is replaced, which says how many lines
/// of text the rows are from, and where the file ended. A later call truncates the file to there. At the end the manifest is
/// written, and the file gets its name.
package final class SyntheticFile {
  private struct Progress: Codable {
    var version = SyntheticManifest.currentVersion
    let settings: SyntheticManifest.Settings
    let counts: SyntheticManifest.Counts
    let text: Digest
    let file: AppendedFile.Mark

    /// nil if the file is missing or not as it was written: a changed number would end in the manifest.
    static func read(_ url: URL) -> Progress? {
      guard let data = try? Data(file: url), let end = data.firstIndex(of: UInt8(ascii: "\n")),
        data[..<end].withUnsafeBytes({ Digest(digits: $0) }) == Digest(of: data[(end + 1)...]),
        let progress = try? JSONValue.decode(Progress.self, from: data[(end + 1)...]),
        progress.version == SyntheticManifest.currentVersion
      else { return nil }
      return progress
    }

    /// - Throws: `FileError`
    func write(to url: URL) throws {
      let line = try jsonLine()
      try AtomicFile.write(Data("\(Digest(of: line).hex)\n".utf8) + line, to: url)
    }
  }

  package private(set) var counts = SyntheticManifest.Counts()
  /// Whether an unfinished file was there and could not be continued.
  package private(set) var isRestarted = false
  /// The digest of the lines that the rows of an earlier call are from; nil if there are none.
  package private(set) var earlierText: Digest?
  private let url: URL
  private let settings: SyntheticManifest.Settings
  private let lock: FolderLock
  private let file: AppendedFile
  private var text = DigestBuilder()

  /// - Parameter resumes: whether to continue an unfinished file; without one, it is begun.
  /// - Throws: `SyntheticError`, `FileError`
  package init(_ url: URL, settings: SyntheticManifest.Settings, resumes: Bool) throws {
    (self.url, self.settings) = (url, settings)
    do {
      let name = Self.lockFile(url).lastPathComponent
      lock = try FolderLock(url.deletingLastPathComponent(), fileName: name)
    } catch let held as FolderLock.Held {
      throw SyntheticError.inUse(path: url.path, process: held.process)
    }
    let (partial, progress) = (Self.partial(url), Self.progress(url))
    let isBegun = [partial, progress].contains { FileManager.default.fileExists(atPath: $0.path) }
    guard resumes || !isBegun else { throw SyntheticError.unfinished(path: url.path) }
    if isBegun, let left = Progress.read(progress) {
      guard left.settings == settings else { throw SyntheticError.otherSettings(path: url.path) }
      if let file = AppendedFile(partial, resumingAt: left.file) {
        (self.file, counts, earlierText) = (file, left.counts, left.text)
        return
      }
    }
    isRestarted = isBegun
    file = try AppendedFile(partial)
  }

  /// The manifest of a file that an earlier call has finished; nil if there is no such file.
  ///
  /// - Parameters:
  ///   - resumes: whether such a file is accepted.
  ///   - text: the digest of the text, computed if it is needed.
  /// - Throws: `SyntheticError`, and what `text` throws
  package static func finished(
    _ url: URL, settings: SyntheticManifest.Settings, resumes: Bool, text: () throws -> Digest
  ) throws -> SyntheticManifest? {
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    guard resumes else { throw SyntheticError.exists(path: url.path) }
    let manifest = try SyntheticManifest.read(beside: url)
    guard manifest.settings == settings else { throw SyntheticError.otherSettings(path: url.path) }
    guard try manifest.text == text() else {
      throw SyntheticError.otherText(path: url.path, lines: manifest.counts.lines)
    }
    // A process that was killed when the file was whole leaves these.
    for left in [progress(url), lockFile(url)] { unlink(left.path) }
    return manifest
  }

  private static func partial(_ url: URL) -> URL { URL(fileURLWithPath: url.path + ".partial") }
  private static func progress(_ url: URL) -> URL { URL(fileURLWithPath: url.path + ".progress") }
  private static func lockFile(_ url: URL) -> URL { URL(fileURLWithPath: url.path + ".lock") }

  /// The sources of the rows so far.
  /// - Throws: `FileError`
  package func visitSources(_ body: (String) -> Void) throws {
    var rest: [UInt8] = []
    try file.visit { bytes in
      rest += bytes
      var start = 0
      while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        body(String(decoding: rest[start..<end].prefix { $0 != UInt8(ascii: "\t") }, as: UTF8.self))
        start = end + 1
      }
      rest.removeFirst(start)
    }
  }

  /// Passes over lines whose rows an earlier call has written.
  package func skip(_ lines: [String]) { for line in lines { text.update(line + "\n") } }

  /// Checks, after all of them were passed over, that they are the lines of the earlier call.
  /// - Throws: `SyntheticError.otherText`
  package func checkSkipped() throws {
    guard let earlierText, text.digestSoFar != earlierText else { return }
    throw SyntheticError.otherText(path: url.path, lines: counts.lines)
  }

  /// Appends the rows of a part of the text, and syncs.
  ///
  /// - Parameter rows: for each line a row, or the reason why there is none.
  /// - Throws: `FileError`
  package func append(_ lines: [String], _ rows: [Result<SyntheticRow, PairFault>]) throws {
    var text = ""
    for row in rows {
      switch row {
      case .success(let row):
        text += row.line(settings)
        counts.pairs += 1
        counts.scores += row.score
      case .failure(let fault): counts.leftOut[fault.rawValue, default: 0] += 1
      }
    }
    counts.lines += lines.count
    skip(lines)
    try file.append(Array(text.utf8))
    let progress = Progress(
      settings: settings, counts: counts, text: self.text.digestSoFar, file: try file.synchronize())
    try progress.write(to: Self.progress(url))
  }

  /// Gives the file its name, after the manifest beside it.
  /// - Throws: `FileError`
  package func finish() throws -> SyntheticManifest {
    let manifest = SyntheticManifest(
      settings: settings, counts: counts, text: text.digestSoFar, file: try file.synchronize())
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(encoder.encode(manifest), to: SyntheticManifest.url(beside: url))
    guard rename(Self.partial(url).path, url.path) == 0 else { throw FileError.writing(url.path) }
    try Folder.synchronize(url.deletingLastPathComponent())
    unlink(Self.progress(url).path)
    return manifest
  }
}

extension PairFault: Error {}
