internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
internal import ClozeText
internal import Foundation

/// Settings of a run that learns from rewards.
package struct PolicyConfiguration: Codable, Sendable, Equatable {
  /// The weight of the policy loss; that of the loss on real pairs is 1.
  package var weight = 0.5

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "policy") throws {
    try SettingsCheck(section)(
      weight >= 0 && weight <= 1000, "weight", "is \(weight); choose a weight of 0 to 1000")
  }
}

/// A pair that the model has drawn, with what is better or worse about it than about the others.
package struct RewardedPair: BatchSample {
  package let pair: EncodedPair
  package let advantage: Float

  package init(_ pair: EncodedPair, advantage: Float) { (self.pair, self.advantage) = (pair, advantage) }

  package var lengths: SampleLengths { pair.lengths }
  package var positionCount: Int { pair.positionCount }
}

/// The draws of the model that a run starts from, with rewards, from which the run learns by policy gradient.
///
/// A row of `augment` has the drawn side as its source. The model reads the target and has drawn the source, so the columns
/// are exchanged here.
struct PolicySamples: Sendable {
  let batches: LengthBatches<RewardedPair>
  /// Of the file.
  let digest: Digest
  /// The pairs as the model sees them: what it reads, then what it has drawn.
  let file: TranslationPairs
  let selection: PairSelection
  /// In words, for the start of the run.
  let text: String
  let warnings: [String]

  /// A run that reads its samples more often than this is warned of.
  private static let mostEpochs = 10

  /// - Parameters:
  ///   - generator: the digest of the weights that the run starts from.
  ///   - held: the validation pairs, whose sources are left out.
  /// - Throws: `RewardError`, `SyntheticError`, `TranslationError`, `FileError`
  init(
    _ url: URL, configuration: FinetuneConfiguration, tokenizer: Tokenizer, generator: String,
    held: [TranslationPair]
  ) throws {
    let path = url.path
    let rewards = try Rewards(
      SyntheticPairs(url, tokenizer: tokenizer.digest), path: path, generator: generator)
    let sources = Set(held.map(\.source))
    let used = rewards.rows.indices.filter { !sources.contains(rewards.rows[$0].pair.target) }
    guard !used.isEmpty else { throw SyntheticError.noPairs(path: path) }
    file = TranslationPairs(
      used.map {
        TranslationPair(source: rewards.rows[$0].pair.target, target: rewards.rows[$0].pair.source)
      }, path: path)
    selection = try PairSelection(
      file, tokenizer: tokenizer, maximumLength: configuration.batch.maximumLength)
    let numbers = selection.numbers.map { used[$0] }
    let advantages = try rewards.advantages(of: numbers)
    batches = LengthBatches(
      zip(selection.encoded, advantages).map { RewardedPair($0, advantage: Float($1)) },
      tokensPerMicrobatch: configuration.batch.tokensPerMicrobatch, seed: UInt64(configuration.seed))
    digest = rewards.digest
    let mean = numbers.reduce(0) { $0 + rewards.rows[$1].score } / Double(numbers.count)
    text =
      "\(Figure.count(numbers.count)) samples of the model with a mean reward of \(Figure.decimal(mean, 4))"

    var warnings: [String] = []
    if used.count < rewards.rows.count {
      warnings.append(
        "\(path): \(Figure.count(rewards.rows.count - used.count)) samples have a source of the validation pairs and are "
          + "left out")
    }
    let perEpoch = Double(batches.microbatchesPerEpoch) / Double(configuration.batch.microbatches)
    if Double(configuration.stop.steps) > Double(Self.mostEpochs) * perEpoch {
      warnings.append(
        "stop.steps: \(Figure.count(configuration.stop.steps)) steps read each sample "
          + "\(Figure.count(Int(Double(configuration.stop.steps) / perEpoch))) times, and the model that drew them has "
          + "changed by then; choose at most \(Figure.count(Int(Double(Self.mostEpochs) * perEpoch))), and draw anew"
      )
    }
    self.warnings = warnings
  }
}
