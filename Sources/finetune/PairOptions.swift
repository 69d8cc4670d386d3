import ArgumentParser
import ClozeData

/// The labelled pairs to train and to validate on.
struct PairOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Training pairs, source<TAB>target.", valueName: "tsv"))
  var train: String?

  @Option(
    help: ArgumentHelp("The sources of training pairs that lie in two files, one a line.", valueName: "file"))
  var trainSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --train-source.", valueName: "file"))
  var trainTarget: String?

  @Option(help: ArgumentHelp("Validation pairs, source<TAB>target.", valueName: "tsv"))
  var validation: String?

  @Option(
    help: ArgumentHelp(
      "The sources of validation pairs that lie in two files, one a line.", valueName: "file"))
  var validationSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --validation-source.", valueName: "file"))
  var validationTarget: String?

  @Flag(help: "Leave out rows that cannot be used, and count them; of two files, the line goes from both.")
  var skipBadRows = false

  @Flag(
    help:
      "Refuse pairs that have anything odd about them: that are in both sets, too long, or without tokens.")
  var strictPairs = false

  mutating func validate() throws {
    _ = try input("--train", train, trainSource, trainTarget)
    _ = try input("--validation", validation, validationSource, validationTarget)
  }

  /// - Throws: `TranslationError`, `FileError`
  func training() throws -> TranslationPairs {
    try TranslationPairs(input("--train", train, trainSource, trainTarget), skipsBadRows: skipBadRows)
  }

  /// - Throws: `TranslationError`, `FileError`
  func validationPairs() throws -> TranslationPairs {
    try TranslationPairs(
      input("--validation", validation, validationSource, validationTarget), skipsBadRows: skipBadRows)
  }

  private func input(_ name: String, _ table: String?, _ source: String?, _ target: String?) throws
    -> PairInput
  {
    guard let input = PairInput(table: table, source: source, target: target) else {
      throw ValidationError("give \(name) FILE, or \(name)-source FILE and \(name)-target FILE")
    }
    return input
  }
}
