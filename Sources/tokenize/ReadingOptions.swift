import ArgumentParser
import ClozeCLI
import ClozeData

/// The options for reading text that is to become a data folder.
struct ReadingOptions: ParsableArguments {
  @OptionGroup var documents: DocumentOptions

  @Flag(help: "Refuse a single invalid byte, instead of replacing and counting it.")
  var strict = false

  @Flag(help: "Leave out rows of JSON lines that cannot be used, and count them.")
  var skipBadRows = false

  func validate() throws {
    guard !strict || !documents.lossy else {
      throw ValidationError("--strict refuses what --lossy replaces; leave out one of them")
    }
  }

  /// - Throws: `ValidationError`
  func format() throws -> CorpusFormat {
    var format = try documents.format()
    (format.isStrict, format.skipsBadRows) = (strict, skipBadRows)
    return format
  }
}
