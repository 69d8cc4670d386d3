internal import ClozeCore

/// How important each setting of a space is for the loss, as far as the trials of a study show it.
///
/// A Gaussian process is fitted to the losses, and its mean is taken apart by `SobolIndices`. How much that is worth is measured by
/// predicting each trial from the others: where the process cannot, its shares would be those of noise, and are withheld. Trials
/// without a loss are left out. The shares are those of the whole space: a setting that matters only near the best settings has a
/// small one beside a learning rate with which some trials hardly learn.
package struct SettingImportance: Sendable {
  package struct Setting: Sendable, Equatable {
    package let key: String
    /// The share of the variance that it makes on its own.
    package let alone: Double
    /// The share that it makes together with all its interactions.
    package let total: Double
  }

  /// Why there are no shares.
  package enum Withheld: Sendable, Equatable {
    case fewTrials(Int, needed: Int)
    case equalLosses(Int)
    /// - share: of the variance of the losses that is predicted from the other trials; may be negative.
    case unpredicted(share: Double)
  }

  /// The most important first, by `total`; empty if they are withheld.
  package let settings: [Setting]
  /// Of the variance of the losses, what the process predicts of a trial from the others, with settings fitted to all: R² of
  /// leaving one out.
  package let predicted: Double
  package let withheld: Withheld?
  /// The process; nil if none could be fitted.
  let losses: FittedLosses?

  /// Trials with a loss below which nothing is said: 10, or 2 for each setting.
  package static func leastTrials(_ space: SearchSpace) -> Int { max(10, 2 * space.dimensions.count) }
  /// The R² below which nothing is said.
  package static let leastPredicted = 0.3
  /// Shares below it are not told from zero: the error of the draws.
  package static let resolution = 0.03
  private static let samples = 2000

  package init(_ space: SearchSpace, _ observations: [SearchObservation]) {
    let needed = SettingImportance.leastTrials(space)
    losses = FittedLosses(space, observations, needed: needed)
    guard let losses else {
      let known = observations.count { $0.finiteLoss != nil }
      (settings, predicted) = ([], 0)
      withheld = known < needed ? .fewTrials(known, needed: needed) : .equalLosses(known)
      return
    }
    predicted = losses.predicted
    guard predicted >= SettingImportance.leastPredicted,
      let indices = SobolIndices(space, samples: SettingImportance.samples, of: losses.callAsFunction)
    else {
      (settings, withheld) = ([], .unpredicted(share: predicted))
      return
    }
    settings = space.dimensions.indices.map { index in
      Setting(key: space.dimensions[index].key, alone: indices.alone[index], total: indices.total[index])
    }.sorted { ($1.total, $0.key) < ($0.total, $1.key) }
    withheld = nil
  }

  /// In words, a sentence each.
  package var summary: [String] {
    switch withheld {
    case .fewTrials(let count, let needed):
      return [
        "The importance of the settings needs \(needed) trials with a loss; there are \(Figure.count(count))."
      ]
    case .equalLosses(let count):
      return ["All \(Figure.count(count)) trials have the same loss, so nothing can be said of the settings."]
    case .unpredicted(let share):
      return [
        "The importance of the settings is withheld: predicted from the other trials, the losses have an R² of "
          + "\(Figure.decimal(share, 2)), and below \(Figure.decimal(SettingImportance.leastPredicted, 1)) shares would be those of noise."
      ]
    case nil:
      return [
        "A process of the losses predicts a trial from the others with an R² of \(Figure.decimal(predicted, 2)); shares below "
          + "\(Figure.percent(SettingImportance.resolution, 0)) are not told from zero."
      ]
    }
  }
}
