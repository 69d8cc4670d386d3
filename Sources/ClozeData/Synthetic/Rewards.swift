package import ClozeCore
internal import Foundation

/// Divides pairs into folds by a digest of a seed and of the pair's target, so that pairs of equal targets are in one fold.
package struct PairFolds: Sendable, Equatable {
  package let count: Int
  package let seed: Int

  package init(count: Int, seed: Int) { (self.count, self.seed) = (count, seed) }

  /// In 0 ..< count.
  package func fold(of pair: TranslationPair) -> Int {
    Int(Digest(of: "\(seed) \(pair.target)").words[0] % UInt64(count))
  }
}

/// What a discriminator thinks of the pairs that a generator has drawn, for policy gradient: the reward of a pair is the
/// probability of being real.
///
/// The gradient of the expected reward is that of Σ advantage · log P(drawn side | given side), over draws from P itself. So
/// nothing but draws will do: no results of a search, no draws from a distribution with another temperature, and no part of
/// the draws that somebody chose. The advantage is (reward - mean) / deviation. The mean, the baseline, changes the variance of
/// the gradient and not its expectation. Mean and deviation are those of the pair's fold, since each fold has a classifier of
/// its own, and the probabilities of two classifiers cannot be compared.
///
/// Source: Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
/// Learning 8; for translators Wu et al. 2018, arXiv:1704.06933, and Yang et al. 2018, arXiv:1703.04887.
package struct Rewards: Sendable {
  package let rows: [SyntheticRow]
  /// Of the file.
  package let digest: Digest
  private let folds: PairFolds
  private let path: String

  /// - Parameters:
  ///   - path: of the file of pairs, for messages.
  ///   - generator: the digest of the weights of the model that is to learn, in digits.
  /// - Throws: `RewardError`
  package init(_ pairs: SyntheticPairs, path: String, generator: String) throws {
    let settings = pairs.manifest.settings
    guard let sampling = settings.sampling else { throw RewardError.notDrawn(path: path) }
    guard sampling.temperature == 1, sampling.topK == 0 else {
      throw RewardError.otherDistribution(path: path, sampling)
    }
    guard settings.model.hex == generator else {
      throw RewardError.otherGenerator(path: path, expected: generator, found: settings.model.hex)
    }
    guard let discriminator = settings.discriminator else { throw RewardError.notJudged(path: path) }
    guard discriminator.keep == 1 else { throw RewardError.notAll(path: path, keep: discriminator.keep) }
    guard let seed = discriminator.seed, discriminator.folds > 0 else {
      throw RewardError.withoutFolds(path: path)
    }
    if let line = pairs.rows.firstIndex(where: { !(0...1).contains($0.score) }) {
      throw RewardError.badReward(path: path, line: line + 1)
    }
    (rows, digest, self.path) = (pairs.rows, pairs.manifest.file.digest, path)
    folds = PairFolds(count: discriminator.folds, seed: seed)
  }

  /// The advantages of the rows with these numbers, in their order. They have mean 0 and deviation 1 in each fold, or are 0
  /// where all rewards of the fold are equal.
  /// - Throws: `RewardError.allEqual`
  package func advantages(of numbers: [Int]) throws -> [Double] {
    var advantages = [Double](repeating: 0, count: numbers.count)
    let byFold = Dictionary(grouping: numbers.indices) { folds.fold(of: rows[numbers[$0]].pair) }
    for places in byFold.values {
      let rewards = places.map { rows[numbers[$0]].score }
      let count = Double(rewards.count)
      let mean = rewards.reduce(0, +) / count
      let deviation = (rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      guard deviation > 0 else { continue }
      for (place, reward) in zip(places, rewards) { advantages[place] = (reward - mean) / deviation }
    }
    guard advantages.contains(where: { $0 != 0 }) else { throw RewardError.allEqual(path: path) }
    return advantages
  }
}

/// A file of synthetic pairs from which a generator cannot learn by policy gradient.
package enum RewardError: Failure {
  case notJudged(path: String)
  case notDrawn(path: String)
  case otherDistribution(path: String, SamplingConfiguration)
  case notAll(path: String, keep: Double)
  case withoutFolds(path: String)
  case otherGenerator(path: String, expected: String, found: String)
  case badReward(path: String, line: Int)
  case allEqual(path: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .notJudged(let path):
      "\(path): no discriminator has judged its pairs, so there are no rewards; give the output of augment --discriminate "
        + "\(path) --keep 1"
    case .notDrawn(let path):
      "\(path): a search found its sources, and policy gradient needs sources that the model has drawn; make them with "
        + "augment --sample"
    case .otherDistribution(let path, let sampling):
      "\(path): its sources were drawn with temperature \(sampling.temperature) and top-k \(sampling.topK), and policy "
        + "gradient needs draws from the model as it is; make them with augment --sample alone"
    case .notAll(let path, let keep):
      "\(path): holds the best \(Figure.percent(keep)) of the pairs, and the generator learns from the others as well; call "
        + "augment --discriminate with --keep 1"
    case .withoutFolds(let path):
      "\(path): an earlier version made it, without the seed of its folds; call augment --discriminate again"
    case .otherGenerator(let path, let expected, let found):
      "\(path): model \(found.prefix(8)) has drawn its sources, and --model is \(expected.prefix(8)); a generator learns from its own "
        + "draws, so call augment --sample with this model"
    case .badReward(let path, let line):
      "\(path):\(line): its score is no probability, the discriminator's numbers were not finite; lower "
        + "optimizer.learningRate of augment --discriminate"
    case .allEqual(let path):
      "\(path): its rewards are all equal, so there is nothing to learn from them; train the discriminator longer"
    }
  }
}
