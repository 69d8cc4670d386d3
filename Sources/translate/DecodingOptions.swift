import ArgumentParser
import ClozeCLI
import ClozeModel

/// How a translation is found.
struct DecodingOptions: ParsableArguments {
  @Option(help: "Hypotheses kept at each step; 1 is greedy search. Default 5.")
  var beam: Int?

  @Option(help: "The exponent on the length in a hypothesis's score; 0 prefers short translations.")
  var lengthPenalty = 1.0

  @Option(
    help: ArgumentHelp(
      "What the score of a hypothesis gains for each token; 0 leaves it out. With --length-penalty 0 it is the word reward.",
      valueName: "r"))
  var lengthReward = 0.0

  @Option(help: "Tokens that a translation has at least; 0 allows empty ones.")
  var minimumLength = 1

  @Option(
    name: .customLong("no-repeat-ngram"),
    help: ArgumentHelp(
      "Let no sequence of N tokens come twice in a translation; 0 allows all.", valueName: "n"))
  var noRepeatNGram = 0

  @OptionGroup var sampling: SamplingOptions

  mutating func validate() throws {
    guard beam.map({ (1...100).contains($0) }) ?? true else {
      throw ValidationError("--beam is \(beam ?? 0); choose 1 to 100")
    }
    guard lengthPenalty >= 0, lengthPenalty.isFinite else {
      throw ValidationError("--length-penalty is \(lengthPenalty); choose 0 or more")
    }
    guard (0...100).contains(lengthReward) else {
      throw ValidationError("--length-reward is \(lengthReward); choose 0 to 100")
    }
    guard (0...1000).contains(minimumLength) else {
      throw ValidationError("--minimum-length is \(minimumLength); choose 0 to 1000")
    }
    guard (0...1000).contains(noRepeatNGram) else {
      throw ValidationError("--no-repeat-ngram is \(noRepeatNGram); choose 0 to 1000")
    }
    guard lengthReward == 0 || beam != 1 else {
      throw ValidationError(
        "--length-reward ranks hypotheses, and greedy search has one; choose a --beam of 2 or more")
    }
    guard !sampling.sample || (beam == nil && lengthReward == 0) else {
      throw ValidationError(
        "--sample draws one translation and ranks none; leave out --beam and --length-reward")
    }
  }

  var configuration: BeamConfiguration {
    BeamConfiguration(
      beamSize: beam ?? 5, lengthPenalty: lengthPenalty, minimumLength: minimumLength,
      lengthReward: lengthReward, noRepeatNGram: noRepeatNGram, sampling: sampling.sampling)
  }
}
