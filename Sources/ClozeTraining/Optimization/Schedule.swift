internal import ClozeCore
internal import ClozeEvaluation
internal import Foundation

/// The limits of a run, which ends at the first one that it reaches; 0 means no limit.
package struct StopConfiguration: Codable, Sendable, Equatable {
  package var steps = 0
  package var tokens = 0
  package var minutes = 0.0

  package init(steps: Int = 0, tokens: Int = 0, minutes: Double = 0) {
    self.steps = steps
    self.tokens = tokens
    self.minutes = minutes
  }

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "stop") throws {
    guard steps >= 0, tokens >= 0, minutes >= 0 else {
      throw ConfigurationError.invalid(path: section, reason: "has a negative limit; choose 0 for none")
    }
    guard steps <= 1 << 40, tokens <= 1 << 50, minutes <= 1e9 else {
      throw ConfigurationError.invalid(
        path: section, reason: "has a limit that no run reaches; choose 0 for none")
    }
    guard steps > 0 || tokens > 0 || minutes > 0 else {
      throw ConfigurationError.invalid(
        path: section, reason: "sets no limit; give \(section).steps, \(section).tokens or \(section).minutes"
      )
    }
  }

  /// How much of the run is done, 0...1: the share of the nearest limit.
  package func fraction(steps doneSteps: Int, tokens doneTokens: Int, seconds: Double) -> Double {
    var fraction = 0.0
    if steps > 0 { fraction = max(fraction, Double(doneSteps) / Double(steps)) }
    if tokens > 0 { fraction = max(fraction, Double(doneTokens) / Double(tokens)) }
    if minutes > 0 { fraction = max(fraction, seconds / (60 * minutes)) }
    return min(fraction, 1)
  }
}

/// Where the schedule of the learning rate begins: at the start of a run, or at its last restart, and then with half the rate for
/// each restart.
struct ScheduleOrigin: Equatable {
  var step = 0
  /// How much of the run was done, 0...1.
  var fraction = 0.0
  /// Multiplies the rate.
  var factor = 1.0

  /// How much of what remained at the origin is done, 0...1.
  /// - Parameter total: how much of the whole run is done, which is less than at the origin if the run was made longer since.
  func fraction(at total: Double) -> Double { max(0, (total - fraction) / (1 - fraction)) }
}

extension RunCursor {
  var scheduleOrigin: ScheduleOrigin {
    guard let restarts, let last = restarts.last else { return ScheduleOrigin() }
    return ScheduleOrigin(
      step: last.step, fraction: last.fraction, factor: restarts.reduce(1) { factor, _ in factor / 2 })
  }
}

/// The schedule of the learning rate.
package struct ScheduleConfiguration: Codable, Sendable, Equatable {
  package enum Shape: String, NamedChoice {
    /// Linear decay to the final rate (Devlin et al. 2019, appendix A.2).
    case linear
    /// Decay along half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983).
    case cosine
    /// Constant, then linear decay in the last `decayFraction` of the run (Zhai et al. 2022, arXiv:2106.04560).
    case constantThenDecay
    /// Constant, then in the last `decayFraction` of the run 1 - sqrt(x) of the peak, x being the share of the decay that is
    /// done (Hägele et al. 2024, section 3.2, arXiv:2405.18392).
    case constantThenSquareRootDecay
  }

  package var shape = Shape.linear
  /// The number of steps of linear rise from 0.
  package var warmupSteps = 100
  package var decayFraction = 0.2
  /// The final rate, as a share of the peak.
  package var finalRate = 0.0

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String) throws {
    let require = SettingsCheck(section)
    try require(warmupSteps >= 0, "warmupSteps", "is \(warmupSteps); choose 0 or more")
    try require(
      (0...1).contains(decayFraction), "decayFraction", "is \(decayFraction); choose a share in 0...1")
    try require(
      (0...1).contains(finalRate), "finalRate", "is \(finalRate); choose a share of the peak in 0...1")
  }

  /// The factor of the peak learning rate, which rises to 1 in the warm-up and then falls.
  ///
  /// - Parameters:
  ///   - step: the next step, from 0.
  ///   - fraction: how much of the run is done, 0...1. It is a function of the step alone unless the run is limited by
  ///     minutes.
  package func factor(step: Int, fraction: Double) -> Double {
    guard step >= warmupSteps else { return warmup(step: step) }
    // The share of the warm-up in the run; in a run limited by minutes, estimated from the mean speed so far.
    let warmup = step > 0 ? fraction * Double(warmupSteps) / Double(step) : 0
    let decayed = warmup < 1 ? (fraction - warmup) / (1 - warmup) : 1
    let remaining: Double
    switch shape {
    case .linear: remaining = 1 - decayed
    case .cosine: remaining = 0.5 * (1 + cos(Double.pi * decayed))
    case .constantThenDecay: remaining = left(fraction)
    case .constantThenSquareRootDecay: remaining = 1 - (1 - left(fraction)).squareRoot()
    }
    return finalRate + (1 - finalRate) * remaining
  }

  /// The share of the decay of a constant rate that is left at `fraction` of the run: 1 before it, and without one.
  private func left(_ fraction: Double) -> Double {
    decayFraction > 0 ? min(1, (1 - fraction) / decayFraction) : 1
  }

  /// The factor of the warm-up alone: 1 from its end on.
  func warmup(step: Int) -> Double { step < warmupSteps ? Double(step + 1) / Double(warmupSteps) : 1 }
}
