import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData

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

  @OptionGroup var files: RowFiles

  @Flag(
    name: [.customLong("strict"), .customLong("strict-pairs")],
    help: "Refuse rows that are in both sets, too long, or without tokens."
  )
  var strict = false

  mutating func validate() throws { try files.check(task.labelKind) }
}
