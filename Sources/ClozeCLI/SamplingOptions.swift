package import ArgumentParser
package import ClozeCore

/// Options of the tools that can draw translations.
package struct SamplingOptions: ParsableArguments {
  @Flag(help: "Draw each token with the probability that the model gives it, in place of beam search.")
  package var sample = false

  @Option(
    help: ArgumentHelp(
      "With --sample: what logits are divided by; below 1 likely tokens become likelier. Default 1.",
      valueName: "t"))
  package var temperature: Double?

  @Option(
    help: ArgumentHelp(
      "With --sample: draw from the k likeliest tokens alone. Default 0: from all.", valueName: "k"))
  package var topK: Int?

  @Option(help: ArgumentHelp("With --sample: the seed of the draws. Default 0.", valueName: "n"))
  package var seed: UInt64?

  package init() {}

  package func validate() throws {
    guard sample || (temperature == nil && topK == nil && seed == nil) else {
      throw ValidationError("--temperature, --top-k and --seed are options of --sample; add it")
    }
    guard temperature.map({ $0.isFinite && (0.01...100).contains($0) }) ?? true else {
      throw ValidationError("--temperature is \(temperature ?? 0); choose 0.01 to 100")
    }
    guard topK.map({ (0...100_000).contains($0) }) ?? true else {
      throw ValidationError("--top-k is \(topK ?? 0); choose 0 to 100000")
    }
  }

  /// nil without --sample.
  package var sampling: SamplingConfiguration? {
    sample ? SamplingConfiguration(temperature: temperature ?? 1, topK: topK ?? 0, seed: seed ?? 0) : nil
  }
}
