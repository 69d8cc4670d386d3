import ClozeCore
import ClozeData
import Foundation

/// Copies of inputs that can be read only once, in temporary files, which are removed at the end.
final class InputSpools {
  private let folder: URL
  private var files: [String: URL] = [:]

  init(in folder: URL) { self.folder = folder }

  /// The copies of standard input (`-`), pipes and devices among the inputs, by the input.
  /// - Throws: `FileError`
  func copies(of inputs: [String]) throws -> [String: URL] {
    for input in inputs where CorpusInputs.isStream(input) && files[input] == nil {
      let url = folder.appendingPathComponent(".input-\(files.count)")
      files[input] = url
      try copy(input, to: url)
    }
    return files
  }

  private func copy(_ input: String, to url: URL) throws {
    let source = input == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: input)
    guard let source else { throw FileError.reading(input) }
    var file = try AtomicFile(url)
    while true {
      let chunk: Data
      do {
        chunk = try source.read(upToCount: 1 << 20) ?? Data()
      } catch {
        throw FileError.cannotRead(
          path: input == "-" ? "standard input" : input, reason: "\(error.localizedDescription)")
      }
      if chunk.isEmpty { break }
      try file.write(chunk)
    }
    try file.commit()
  }

  func remove() {
    for url in files.values { unlink(url.path) }
  }
}
