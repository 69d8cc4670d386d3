import ArgumentParser
import ClozeData

/// The options for reading text as documents.
struct ReadingOptions: ParsableArguments {
  @Option(
    name: .long, help: "What a document is in plain text: lines, paragraphs (up to a blank line) or files.")
  var documents: DocumentBoundary = .paragraphs

  @Option(name: .long, help: "The field of a JSON line that holds the text.")
  var field = "text"

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The encoding of text without a byte-order mark, as iconv names it: gb18030, shift_jis, windows-1251…",
      valueName: "name"))
  var encoding: String?

  @Flag(name: .long, help: "Refuse a single invalid byte, instead of replacing and counting it.")
  var strict = false

  @Flag(name: .long, help: "Go on where more than 1 in 1,000 bytes of a file are invalid, and replace them.")
  var lossy = false

  @Flag(name: .long, help: "Leave out rows of JSON lines that cannot be used, and count them.")
  var skipBadRows = false

  func validate() throws {
    guard !strict || !lossy else {
      throw ValidationError("--strict refuses what --lossy replaces; leave out one of them")
    }
    _ = try format()
  }

  /// - Throws: `ValidationError`
  func format() throws -> CorpusFormat {
    var format = CorpusFormat()
    (format.boundary, format.field) = (documents, field)
    (format.isStrict, format.isLossy, format.skipsBadRows) = (strict, lossy, skipBadRows)
    format.encoding = try encoding.map { name in
      guard let encoding = TextEncoding(name) else { throw ValidationError(TextEncoding.unknown(name)) }
      return encoding
    }
    return format
  }
}

extension DocumentBoundary: ExpressibleByArgument {}
