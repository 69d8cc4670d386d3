internal import ClozeCore
internal import ClozeData
internal import ClozeEvaluation
internal import ClozeText
internal import Foundation

/// Settings of a run with synthetic pairs.
package struct SyntheticConfiguration: Codable, Sendable, Equatable {
  /// The share of the steps, from the first on, that train on synthetic pairs; the others train on real ones.
  package var share = 0.5

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "synthetic") throws {
    try SettingsCheck(section)(
      share > 0 && share < 1, "share", "is \(share); choose a share between 0 and 1, both excluded")
  }
}

/// The synthetic pairs of a run, on which it trains before it trains on the real ones.
///
/// The source of each begins with a tag, so that the encoder can tell what a model has written from what people have. The
/// vocabulary has no token to spare, so the tag is `[MASK]`, which no source of a person begins with.
///
/// Source: Caswell, Chelba and Grangier 2019, arXiv:1906.06442 (the tag); Sennrich, Haddow and Birch 2016,
/// arXiv:1511.06709 (back-translation).
struct SyntheticPhase: Sendable {
  let batches: LengthBatches<EncodedPair>
  let stepCount: Int
  /// What distinguishes the phase from another one, for the manifests of checkpoints.
  let identity: String
  /// Pairs that are left out since the validation pairs have their target.
  let heldOut: Int
  let selection: PairSelection
  let file: TranslationPairs
  /// The most positions of a side: one less than without a tag.
  let maximumLength: Int

  /// - Parameter held: the validation pairs, whose targets are left out.
  /// - Throws: `SyntheticError`, `ConfigurationError`, `TranslationError`, `FileError`
  init(
    _ url: URL, configuration: FinetuneConfiguration, tokenizer: Tokenizer, held: [TranslationPair]
  ) throws {
    let read = try SyntheticPairs(url, tokenizer: tokenizer.digest)
    guard configuration.stop.steps > 0 else {
      throw ConfigurationError.invalid(
        path: "stop.steps",
        reason: "is 0; synthetic pairs come first for a share of the steps, so give their number")
    }
    guard configuration.stop.minutes == 0, configuration.stop.tokens == 0 else {
      throw ConfigurationError.invalid(
        path: "stop",
        reason: "has minutes or tokens beside steps, which may end a run before its real pairs; set both to 0"
      )
    }
    guard configuration.validation.patience == 0 else {
      throw ConfigurationError.invalid(
        path: "validation.patience",
        reason: "is \(configuration.validation.patience); it may end a run before its real pairs, so choose 0"
      )
    }
    let targets = Set(held.map(\.target))
    let pairs = read.pairs.filter { !targets.contains($0.target) }
    guard !pairs.isEmpty else { throw SyntheticError.noPairs(path: url.path) }
    heldOut = read.pairs.count - pairs.count
    file = TranslationPairs(pairs, path: url.path)
    maximumLength = configuration.batch.maximumLength - 1
    selection = try PairSelection(file, tokenizer: tokenizer, maximumLength: maximumLength)
    let tag = tokenizer.vocabulary.specials.mask
    batches = LengthBatches(
      selection.encoded.map { EncodedPair(source: [tag] + $0.source, target: $0.target) },
      tokensPerMicrobatch: configuration.batch.tokensPerMicrobatch, seed: UInt64(configuration.seed))
    stepCount = max(1, Int(configuration.synthetic.share * Double(configuration.stop.steps)))
    identity = Digest(of: "\(file.digest.hex) \(stepCount)").hex
  }

  var warnings: [String] {
    heldOut == 0
      ? []
      : [
        "\(file.path): \(Figure.count(heldOut)) synthetic pairs have a target of the validation pairs and are left out"
      ]
  }
}
