internal import ClozeCore

/// Rows of `label<TAB>text` or `label<TAB>text<TAB>text`.
enum TextRows {
  static func samples(_ lines: [RowLines.Line], path: String) -> [LabelledRow] {
    var lines = lines
    // Blank lines at the end are ignored.
    while case .success("")? = lines.last { lines.removeLast() }
    /// The number of texts of the first row that can be used.
    var first: (count: Int, line: Int)?
    return lines.enumerated().map { index, line in
      let number = index + 1
      let sample = Result { () throws(LabelError) in
        let sample = try Self.sample(line, path: path, line: number)
        let expected = first ?? (sample.texts.count, number)
        guard sample.texts.count == expected.count else {
          throw .otherTexts(
            path: path, line: number, found: sample.texts.count, expected: expected.count,
            first: expected.line)
        }
        first = expected
        return sample
      }
      return LabelledRow(sample: sample, line: number)
    }
  }

  private static func sample(_ line: RowLines.Line, path: String, line number: Int) throws(LabelError)
    -> LabelledSample
  {
    let text: String
    switch line {
    case .success(let line): text = line
    case .failure(let fault): throw LabelError(fault, path: path, line: number)
    }
    let fields = text.split(separator: "\t", omittingEmptySubsequences: false).map(\.trimmed)
    guard fields.count > 1 else { throw .noTab(path: path, line: number) }
    guard fields.count <= 3 else { throw .tooManyColumns(path: path, line: number) }
    let names = ["label", fields.count == 2 ? "text" : "first text", "second text"]
    for (field, name) in zip(fields, names) where field.isWhiteSpace {
      throw .emptyColumn(path: path, line: number, column: name)
    }
    return LabelledSample(texts: Array(fields[1...]), labels: [fields[0]])
  }
}
