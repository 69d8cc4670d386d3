package import ArgumentParser
package import ClozeData

/// Options of the tools that read text as documents.
package struct DocumentOptions: ParsableArguments {
  @Option(help: "What a document is in plain text: lines, paragraphs (up to a blank line) or files.")
  package var documents = DocumentBoundary.paragraphs

  @Option(help: "The field of a JSON line that holds the text.")
  package var field = "text"

  @Option(
    help: ArgumentHelp(
      "The encoding of text without a byte-order mark, as iconv names it: gb18030, shift_jis, windows-1251…",
      valueName: "name"))
  package var encoding: String?

  @Flag(help: "Go on where more than 1 in 1,000 bytes of a file are invalid, and replace them.")
  package var lossy = false

  /// For `GivenOptions`.
  package static let names: Set = ["--documents", "--field", "--encoding", "--lossy"]

  package init() {}

  package func validate() throws { _ = try format() }

  /// - Throws: `ValidationError`
  package func format() throws -> CorpusFormat {
    var format = CorpusFormat()
    (format.boundary, format.field, format.isLossy) = (documents, field, lossy)
    format.encoding = try encoding.map { name in
      guard let encoding = TextEncoding(name) else { throw ValidationError(TextEncoding.unknown(name)) }
      return encoding
    }
    return format
  }
}

extension DocumentBoundary: ExpressibleByArgument {}
extension Split: ExpressibleByArgument {}
