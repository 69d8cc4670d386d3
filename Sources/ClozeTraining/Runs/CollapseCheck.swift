package import ClozeEvaluation

/// Tells a model that has collapsed from one that learns slowly.
///
/// Post-norm blocks with random weights may collapse in their first steps at the peak rate: from then on the output of the model
/// does not depend on its input. The loss does not show it, since a decoder goes on learning the target language. The gain
/// from the input does: it is hundreds of times smaller than that of a model which has learnt anything from its input. The
/// schedule lowers the rate of such a run to 0 without bringing it back, so the run starts anew, with half the rate.
///
/// Source: Xiong et al. 2020, section 3 (why post-norm needs low rates at first), arXiv:2002.04745.
package struct CollapseCheck {
  private let optimizer: OptimizerConfiguration

  /// The share of a run after which it is checked, counted from its start or its last restart.
  private static let share = 0.1
  /// The share of a run in which it may start anew.
  private static let lastFraction = 0.5
  /// The gain of a model that learns is as small at first, and grows exponentially.
  private static let stepsPastWarmup = 100
  /// How far the peak rate must have been able to move a weight: two and a half standard deviations of its usual initial value.
  /// An update of Adam is about as large as the rate, whatever the gradient, so a run at a low rate is checked later or never.
  private static let reach = 0.05
  /// In nats a prediction: between the gains measured at that time of collapsed models and of those that learn.
  private static let leastGain = 0.002

  package init(_ optimizer: OptimizerConfiguration) { self.optimizer = optimizer }

  /// Whether the run is checked before its next step.
  /// - Parameter fraction: how much of it is done, 0...1.
  package func isDue(_ cursor: RunCursor, fraction: Double) -> Bool {
    guard cursor.collapseCheckStep == nil, cursor.restarts?.count ?? 0 < optimizer.collapseRestarts else {
      return false
    }
    let origin = cursor.scheduleOrigin
    let pastWarmup = cursor.step - origin.step - optimizer.schedule.warmupSteps
    let rate = optimizer.learningRate * origin.factor
    // With the margin, a tenth of 10 steps is 1 however the quotient is rounded.
    return fraction - origin.fraction > CollapseCheck.share - 1e-9 && fraction <= CollapseCheck.lastFraction
      && pastWarmup >= CollapseCheck.stepsPastWarmup
      && rate * Double(pastWarmup) > CollapseCheck.reach - 1e-9
  }

  /// - Parameter gain: how much lower the loss is with the sample's own input, in nats a prediction.
  package func isCollapsed(_ gain: Double) -> Bool { gain < CollapseCheck.leastGain }
}
