import ArgumentParser
import ClozeData
import ClozeEvaluation

/// The options of the masks, which are part of every signature.
struct SchemeOptions: ParsableArguments {
  @Option(help: "Decides which tokens are masked.")
  var seed = EvaluationScheme.standardSeed

  @Option(
    help: ArgumentHelp(
      "Evaluate on N windows drawn over the whole text, always the same ones; 0 for all.", valueName: "n"))
  var windows = 0

  @Option(
    help: ArgumentHelp(
      "Tokens a window. (default: 128, or the model's positions where they are fewer)", valueName: "t"))
  var windowLength: Int?

  @Option(help: "Which tokens are masked together.")
  var strategy = MaskingStrategy.token

  @Option(help: ArgumentHelp("The share of tokens to predict, in 0...1.", valueName: "share"))
  var selectionRate = 0.15

  mutating func validate() throws {
    guard windows >= 0 else { throw ValidationError("--windows is \(windows); choose 0 (all) or more") }
  }

  func scheme(for model: PretrainedModel) throws -> EvaluationScheme {
    var masking = MaskingConfiguration()
    masking.strategy = strategy
    masking.selectionRate = selectionRate
    return EvaluationScheme(
      masking: masking, windowLength: try model.windowLength(windowLength), seed: seed)
  }

  /// The number of windows to evaluate, of `available` ones.
  func windowCount(of available: Int) -> Int { windows == 0 ? available : min(windows, available) }
}

extension MaskingStrategy: ExpressibleByArgument {}
