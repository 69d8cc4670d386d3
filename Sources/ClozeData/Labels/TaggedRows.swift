internal import ClozeCore

/// Reads sentences in columns, with a word in each line: CoNLL's format.
///
/// Source: Tjong Kim Sang and De Meulder 2003, section 2.2 (columns, blank lines, -DOCSTART-).
struct TaggedRows {
  private var rows: [LabelledRow] = []
  private let path: String
  /// The number of columns of the first row.
  private var columns: (count: Int, line: Int)?
  private var sentence = LabelledSample(texts: [])
  private var firstLine = 0
  private var error: LabelError?

  private init(path: String) { self.path = path }

  static func samples(_ lines: [RowLines.Line], path: String) -> [LabelledRow] {
    var reader = TaggedRows(path: path)
    for (index, line) in lines.enumerated() { reader.read(line, number: index + 1) }
    reader.endSentence()
    return reader.rows
  }

  private mutating func read(_ line: RowLines.Line, number: Int) {
    switch line {
    case .failure(let fault):
      fail(LabelError(fault, path: path, line: number), line: number)
    case .success(let text):
      guard !Self.isComment(text) || !isAtStart else { return }
      let fields = Self.fields(text)
      guard let word = fields.first, word != "-DOCSTART-" else { return endSentence() }
      if isAtStart { firstLine = number }
      if let problem = check(fields, number) { return fail(problem, line: number) }
      sentence.texts.append(word)
      sentence.labels.append(fields[fields.count - 1])
    }
  }

  private var isAtStart: Bool { sentence.texts.isEmpty && error == nil }

  private mutating func check(_ fields: [String], _ number: Int) -> LabelError? {
    guard fields.count > 1 else { return .oneColumn(path: path, line: number) }
    if fields.count == 10, fields[0] == "1" || fields[0].hasPrefix("1-") {
      return .universalDependencies(path: path, line: number)
    }
    if let empty = [(fields[0], "word"), (fields[fields.count - 1], "label")].first(where: {
      $0.0.isWhiteSpace
    }) {
      return .emptyColumn(path: path, line: number, column: empty.1)
    }
    guard !fields[fields.count - 1].contains(where: \.isWhitespace) else {
      return .labelOfWords(path: path, line: number)
    }
    let expected = columns ?? (fields.count, number)
    columns = expected
    guard fields.count == expected.count else {
      return .otherColumns(
        path: path, line: number, found: fields.count, expected: expected.count, first: expected.line)
    }
    return nil
  }

  /// Whether the sentence cannot be used; its first problem is reported.
  private mutating func fail(_ problem: LabelError, line: Int) {
    if isAtStart { firstLine = line }
    error = error ?? problem
  }

  private mutating func endSentence() {
    if let error {
      rows.append(LabelledRow(sample: .failure(error), line: firstLine))
    } else if !sentence.texts.isEmpty {
      rows.append(LabelledRow(sample: .success(sentence), line: firstLine))
    }
    (sentence, error) = (LabelledSample(texts: []), nil)
  }

  /// The columns of a line; empty for a blank line. Tabs separate columns if there are any, otherwise spaces.
  fileprivate static func fields(_ line: String) -> [String] {
    let text = line[...].trimmed
    guard !text.isWhiteSpace else { return [] }
    let hasTabs = text.utf8.contains(UInt8(ascii: "\t"))
    return text.unicodeScalars.split(separator: hasTabs ? "\t" : " ", omittingEmptySubsequences: !hasTabs)
      .map { Substring($0).trimmed }
  }

  /// Whether the line is a comment of CoNLL-U: `# name = value`, `# newdoc` or `# newpar`. A `#` alone is a word, and so is a hashtag
  /// with a label.
  fileprivate static func isComment(_ line: String) -> Bool {
    guard line.hasPrefix("#"), !line.utf8.contains(UInt8(ascii: "\t")) else { return false }
    let name = line.dropFirst().trimmed.split(separator: " ", maxSplits: 1).first ?? ""
    return line.contains(" = ") || ["newdoc", "newpar"].contains(name)
  }
}

/// Collects the words of sentences in columns without labels, line by line.
package struct UnlabelledSentences {
  private var words: [String] = []

  package init() {}

  /// The words of the sentence so far.
  package var count: Int { words.count }

  /// Takes a line.
  /// - Returns: the sentence that the line ends, if it ends one.
  package mutating func read(_ line: String) -> [String]? {
    guard !words.isEmpty || !TaggedRows.isComment(line) else { return nil }
    guard let word = UnlabelledSentences.word(of: line) else { return finish() }
    words.append(word)
    return nil
  }

  /// The word of a line; nil for a line between sentences.
  package static func word(of line: String) -> String? {
    TaggedRows.fields(line).first.flatMap { $0 == "-DOCSTART-" ? nil : $0 }
  }

  /// Whether the first column of a line is empty, and another is not.
  package static func lacksWord(_ line: String) -> Bool {
    line.utf8.first == UInt8(ascii: "\t") && !TaggedRows.fields(line).isEmpty
  }

  /// The last sentence, if it has words.
  package mutating func finish() -> [String]? {
    defer { words = [] }
    return words.isEmpty ? nil : words
  }
}
