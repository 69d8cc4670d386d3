import ArgumentParser
import ClozeCore
import ClozeData
import Foundation

/// The tasks of fine-tuning.
enum TaskName: String, CaseIterable, ExpressibleByArgument {
  case translation, classification, tagging

  /// nil for translation.
  var labelKind: LabelKind? {
    switch self {
    case .translation: nil
    case .classification: .classification
    case .tagging: .tagging
    }
  }
}

/// The options for the task, and for the labelled rows of training and validation.
struct RowOptions: ParsableArguments {
  @Option(help: "What the model is to do: translation, classification (of texts) or tagging (of words).")
  var task = TaskName.translation

  @Option(
    help: ArgumentHelp(
      "Training rows: source<TAB>target; label<TAB>text or label<TAB>text<TAB>text; or word and label in columns.",
      valueName: "file"))
  var train: String?

  @Option(
    help: ArgumentHelp("The sources of training pairs in two files, one in each line.", valueName: "file"))
  var trainSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --train-source.", valueName: "file"))
  var trainTarget: String?

  @Option(help: ArgumentHelp("Validation rows, of the same kind.", valueName: "file"))
  var validation: String?

  @Option(
    help: ArgumentHelp(
      "The sources of validation pairs in two files, one in each line.", valueName: "file"))
  var validationSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --validation-source.", valueName: "file"))
  var validationTarget: String?

  @Flag(
    help:
      "Leave out rows that cannot be used, and count them: of two files the line of both, of a sentence in columns the whole sentence."
  )
  var skipBadRows = false

  @Flag(
    name: [.customLong("strict"), .customLong("strict-pairs")],
    help: "Refuse rows that are in both sets, too long, or without tokens."
  )
  var strict = false

  mutating func validate() throws {
    guard task == .translation else {
      _ = try table("--train", train)
      _ = try table("--validation", validation)
      guard [trainSource, trainTarget, validationSource, validationTarget].allSatisfy({ $0 == nil }) else {
        throw ValidationError(
          "two files hold pairs for --task translation; give --train FILE and --validation FILE")
      }
      return
    }
    _ = try pairs("--train", train, trainSource, trainTarget)
    _ = try pairs("--validation", validation, validationSource, validationTarget)
  }

  /// The pairs of training and validation.
  /// - Throws: `TranslationError`, `FileError`
  func pairs() throws -> (training: TranslationPairs, validation: TranslationPairs) {
    (
      try TranslationPairs(pairs("--train", train, trainSource, trainTarget), skipsBadRows: skipBadRows),
      try TranslationPairs(
        pairs("--validation", validation, validationSource, validationTarget), skipsBadRows: skipBadRows)
    )
  }

  /// The labelled samples of training and validation.
  /// - Throws: `LabelError`, `FileError`
  func samples(_ kind: LabelKind) throws -> (training: LabelledFile, validation: LabelledFile) {
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
