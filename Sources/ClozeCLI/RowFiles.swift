package import ArgumentParser
package import ClozeCore
package import ClozeData
internal import Foundation

/// The options for the labelled rows of training and validation.
package struct RowFiles: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Training rows: source<TAB>target; label<TAB>text or label<TAB>text<TAB>text; or word and label in columns.",
      valueName: "file"))
  package var train: String?

  @Option(
    help: ArgumentHelp("The sources of training pairs in two files, one in each line.", valueName: "file"))
  package var trainSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --train-source.", valueName: "file"))
  package var trainTarget: String?

  @Option(help: ArgumentHelp("Validation rows, of the same kind.", valueName: "file"))
  package var validation: String?

  @Option(
    help: ArgumentHelp(
      "The sources of validation pairs in two files, one in each line.", valueName: "file"))
  package var validationSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --validation-source.", valueName: "file"))
  package var validationTarget: String?

  @Flag(
    help:
      "Leave out rows that cannot be used, and count them: of two files the line of both, of a sentence in columns the whole sentence."
  )
  package var skipBadRows = false

  package init() {}

  /// Whether no file is named.
  package var isEmpty: Bool {
    [train, trainSource, trainTarget, validation, validationSource, validationTarget].allSatisfy { $0 == nil }
  }

  /// Checks that the files of a task are named.
  ///
  /// - Parameter kind: nil for translation.
  /// - Throws: `ValidationError`
  package func check(_ kind: LabelKind?) throws {
    guard kind != nil else {
      _ = try pairs("--train", train, trainSource, trainTarget)
      _ = try pairs("--validation", validation, validationSource, validationTarget)
      return
    }
    _ = try table("--train", train)
    _ = try table("--validation", validation)
    guard [trainSource, trainTarget, validationSource, validationTarget].allSatisfy({ $0 == nil }) else {
      throw ValidationError(
        "two files hold pairs for the task translation; give --train FILE and --validation FILE")
    }
  }

  /// The pairs of training and validation.
  /// - Throws: `TranslationError`, `FileError`
  package func pairs() throws -> (training: TranslationPairs, validation: TranslationPairs) {
    (
      try TranslationPairs(pairs("--train", train, trainSource, trainTarget), skipsBadRows: skipBadRows),
      try TranslationPairs(
        pairs("--validation", validation, validationSource, validationTarget), skipsBadRows: skipBadRows)
    )
  }

  /// The labelled samples of training and validation.
  /// - Throws: `LabelError`, `FileError`
  package func samples(_ kind: LabelKind) throws -> (training: LabelledFile, validation: LabelledFile) {
    (
      try LabelledFile(kind, table("--train", train), skipsBadRows: skipBadRows),
      try LabelledFile(kind, table("--validation", validation), skipsBadRows: skipBadRows)
    )
  }

  private func table(_ name: String, _ path: String?) throws -> URL {
    guard let path else { throw ValidationError("give \(name) FILE") }
    return URL(fileURLWithPath: path)
  }

  private func pairs(_ name: String, _ table: String?, _ source: String?, _ target: String?) throws
    -> PairInput
  {
    guard let input = PairInput(table: table, source: source, target: target) else {
      throw ValidationError("give \(name) FILE, or \(name)-source FILE and \(name)-target FILE")
    }
    return input
  }
}
