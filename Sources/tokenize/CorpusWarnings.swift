import ClozeCore
import ClozeData
import Foundation

/// Warnings about the documents, with the likely cause and the advice.
struct CorpusWarnings {
  let statistics: CorpusStatistics
  let index: DataIndex
  let folder: URL

  private var shape: CorpusShape { statistics.shape }

  var texts: [String] { [shape.skippedRowsText, undivided, empty].compactMap { $0 } }

  private var undivided: String? {
    guard shape.undividedFiles > 0 else { return nil }
    let others =
      shape.undividedFiles == 1 ? "" : " (and \(Figure.count(shape.undividedFiles - 1)) more files are)"
    return
      "\(shape.undividedFile): is one document of \(Figure.count(shape.undividedLines)) lines, for no line in it is blank"
      + "\(others); where every line is a document, add --documents lines"
  }

  /// A warning about a split without documents.
  private var empty: String? {
    guard let split = Split.allCases.first(where: { index[$0].documents == 0 }) else { return nil }
    let count = index.train.documents + index.validation.documents
    let duplicates =
      statistics.duplicates == 0 ? "" : "beside \(Figure.count(statistics.duplicates)) equal ones, "
    let documents = count == 1 ? "1 document" : "\(Figure.count(count)) documents"
    let cause =
      index.validationRate == 0 || index.validationRate == 1
      ? "--validation-rate is \(index.validationRate)"
      : "there \(count == 1 ? "is" : "are") only \(documents), \(duplicates)of which a share of \(index.validationRate) is held out"
    let lines =
      shape.paragraphLines > 2 * count ? "make a document of every line with --documents lines, " : ""
    let mend =
      index.validationRate == 0 || index.validationRate == 1
      ? "choose a share between 0 and 1"
      : "\(lines)give more text, or choose a \(split == .train ? "smaller" : "larger") --validation-rate"
    return
      "\(folder.path): no document fell to the \(split.rawValue) split, without which pretrain refuses the folder: "
      + "\(cause); \(mend)"
  }
}
