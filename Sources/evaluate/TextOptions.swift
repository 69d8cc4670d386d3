import ArgumentParser
import ClozeData

/// The options for reading the text of `--text`.
struct TextOptions: ParsableArguments {
  @Option(help: "What a document of the text is: lines, paragraphs (up to a blank line) or files.")
  var documents = DocumentBoundary.paragraphs

  @Option(help: "The field of a JSON line that holds the text.")
  var field = "text"

  @Option(
    help: ArgumentHelp(
      "The encoding of text without a byte-order mark, as iconv names it: gb18030, shift_jis, windows-1251…",
      valueName: "name"))
  var encoding: String?

  @Flag(help: "Go on where more than 1 in 1,000 bytes of the text are invalid, and replace them.")
  var lossy = false

  func validate() throws { _ = try format() }

  /// - Throws: `ValidationError`
  func format() throws -> CorpusFormat {
    var format = CorpusFormat()
    (format.boundary, format.field, format.isLossy) = (documents, field, lossy)
    format.encoding = try encoding.map { name in
      guard let encoding = TextEncoding(name) else { throw ValidationError(TextEncoding.unknown(name)) }
      return encoding
    }
    return format
  }
}
