package import ClozeCore
package import ClozeText

/// The encoded samples of a file, with findings about them.
package struct EncodedFile: Sendable {
  /// A label that the model does not have; its word or text counts as labelled wrongly.
  package struct UnknownLabel: Sendable, Equatable {
    package let label: String
    package let line: Int
  }

  package let file: LabelledFile
  /// The parts of all samples, one after another.
  package private(set) var parts: [EncodedSample] = []
  /// The parts of each sample.
  package private(set) var ranges: [Range<Int>] = []
  /// Lines of samples that were cut.
  package private(set) var cut: [Int] = []
  /// Lines of sentences that were divided into several parts.
  package private(set) var inParts: [Int] = []
  package private(set) var withoutTokens: [Int] = []
  package private(set) var unknownLabels: [UnknownLabel] = []

  /// - Parameters:
  ///   - labels: the labels of the model, by number.
  ///   - maximumLength: the most positions of a sample, special tokens included.
  /// - Throws: `LabelError.noKnownLabel`
  package init(_ file: LabelledFile, labels: [String], tokenizer: Tokenizer, maximumLength: Int) throws {
    self.file = file
    var encoder = LabelEncoder(labels: labels, tokenizer: tokenizer, maximumLength: maximumLength)
    let known = Set(labels)
    var knowsAny = false
    for (sample, line) in zip(file.samples, file.lines) {
      let result = encoder.encode(sample, file.kind)
      ranges.append(parts.count..<parts.count + result.parts.count)
      parts += result.parts
      if result.isCut { cut.append(line) }
      if result.parts.count > 1 { inParts.append(line) }
      if result.lacksTokens { withoutTokens.append(line) }
      for (index, label) in sample.labels.enumerated() {
        if known.contains(label) {
          knowsAny = true
        } else {
          unknownLabels.append(UnknownLabel(label: label, line: line + index))
        }
      }
    }
    if !knowsAny, let first = unknownLabels.first {
      throw LabelError.noKnownLabel(
        path: file.path, labels: "'\(first.label)' in line \(first.line)",
        known: labels.prefix(10).map { "'\($0)'" }.joined(separator: ", ") + (labels.count > 10 ? " …" : ""))
    }
  }
}

extension LabelledFile {
  /// The labels of the file, each once, sorted.
  package var labels: [String] {
    // Of spellings that are equal in Unicode, the first.
    var seen: Set<String> = []
    let distinct = samples.lazy.flatMap(\.labels).filter { seen.insert($0).inserted }
    return distinct.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
  }
}

// What is odd about labelled samples.
extension RowFindings {
  package init(of kind: LabelKind) { self.init(of: kind == .classification ? "text" : "sentence") }

  package mutating func describe(_ encoded: EncodedFile, maximumLength: Int) {
    let path = encoded.file.path
    describeSkippedRows(encoded.file.skipped, of: path)
    let length = "more than \(maximumLength) tokens"
    switch encoded.file.kind {
    case .classification:
      add(path, encoded.cut, "\(length) and lost the end")
      add(path, encoded.withoutTokens, "no tokens")
    case .tagging:
      add(path, encoded.cut, "a word of \(length), which lost its end")
      add(path, encoded.inParts, "\(length) and was cut between words, to be read in parts")
      add(path, encoded.withoutTokens, "a word without tokens, which reads as [UNK]")
    }
    guard let first = encoded.unknownLabels.first else { return }
    let labels = Set(encoded.unknownLabels.lazy.map(\.label))
    add(
      "\(path):\(first.line): the label '\(first.label)' is none that the model learns; "
        + "\(Figure.count(encoded.unknownLabels.count)) labels of this kind (\(Figure.count(labels.count)) different) "
        + "count as labelled wrongly; correct them, or train on rows that have them")
  }

  /// Findings about labels that are too rare to learn, or that look wrong.
  package mutating func describeLabels(of file: LabelledFile) {
    var counts: [String: Int] = [:]
    for label in file.samples.lazy.flatMap(\.labels) { counts[label, default: 0] += 1 }
    let total = counts.values.reduce(0, +)
    if counts.count > 20, counts.count * 2 > total {
      add(
        "\(file.path): has \(Figure.count(counts.count)) labels for \(Figure.count(total)) rows; the label is the "
          + (file.kind == .classification ? "first column, write label<TAB>text" : "last column"))
    }
    let rare = zip(file.samples, file.lines).flatMap { sample, line in
      sample.labels.enumerated().filter { counts[$0.element] == 1 }.map { ($0.element, line + $0.offset) }
    }
    guard let first = rare.first else { return }
    add(
      "\(file.path):\(first.1): the label '\(first.0)' occurs once"
        + (rare.count > 1 ? ", as \(Figure.count(rare.count - 1)) others do" : "")
        + "; a model learns little of it, or it is a heading or a slip")
  }

  /// A model that was trained on single texts has never seen a second segment, and the reverse.
  package mutating func describeTextCounts(_ training: LabelledFile, _ file: LabelledFile) {
    guard training.kind == .classification, training.textCount != file.textCount else { return }
    add(
      "\(file.path): its rows have \(file.textCount) \(file.textCount == 1 ? "text" : "texts"), and those of "
        + "\(training.path) have \(training.textCount); score on rows of the same kind")
  }

  /// Samples of `file` that are also in `training`, which makes scores on them too high.
  package mutating func describeOverlap(
    of file: LabelledFile, with training: LabelledFile, named name: String = "training"
  ) {
    let known = Set(training.samples.lazy.map(\.texts))
    let shared = zip(file.samples, file.lines).filter { known.contains($0.0.texts) }
    guard let first = shared.first else { return }
    add(
      "\(file.path): \(Figure.count(shared.count)) of its \(Figure.count(file.samples.count)) samples are \(name) "
        + "samples as well, the first in line \(first.1); scores on them are too good, take them out of one file"
    )
  }
}
