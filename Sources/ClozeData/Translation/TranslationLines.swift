internal import ClozeCore
package import Foundation

extension TranslationPairs {
  /// The translations of these pairs' sources in a file that another program wrote: line i belongs to row i of the file of
  /// pairs, so lines of rows that were left out are left out too. A line may be empty.
  ///
  /// - Throws: `TranslationError` with file and line, `CorpusError`, `FileError`
  package func translations(in url: URL) throws -> [String] {
    let lines = try RowLines.read(url)
    let rows = pairs.count + skipped.count
    guard lines.count == rows else {
      throw TranslationError.translationCount(path: url.path, lines: lines.count, pairs: path, rows: rows)
    }
    return try self.lines.map { number in
      func error(_ fault: String) -> TranslationError {
        .badTranslation(path: url.path, line: number, fault: fault)
      }
      switch lines[number - 1] {
      case .failure(.invalidUTF8): throw error("is not valid UTF-8; convert the file with iconv")
      case .failure(.tooLong): throw error("is longer than 1 MiB; write one translation a line")
      // A file of pairs, given by mistake, would be scored with its sources.
      case .success(let text) where text.unicodeScalars.contains("\t"):
        throw error("has a tab; write one translation a line, without its source")
      case .success(let text): return text
      }
    }
  }
}
