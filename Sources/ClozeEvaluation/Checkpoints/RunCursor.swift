/// The state of a run beside the parameters and the optimizer's moments. The order of the data, masks and dropout are
/// functions of it, so a run resumes from these three alone as if it had never stopped.
package struct RunCursor: Codable, Sendable, Equatable {
  /// Steps so far, skipped ones included.
  package var step = 0
  package var tokens = 0
  /// Training time, over all parts of the run.
  package var seconds = 0.0
  /// The best validation score so far (larger is better), and its step.
  package var bestScore: Double?
  package var bestStep: Int?
  /// The figures of that validation, by name; nil in checkpoints of earlier versions.
  package var bestFigures: [String: Double]?
  /// Validations since the best one.
  package var validationsSinceBest = 0
  /// The checkpoint to which the run returns if its loss or gradients stop being finite: the last one of the cadence.
  /// The checkpoint of an interruption does not count, or the result would depend on interruptions.
  package var anchorStep: Int?
  /// Skipped steps and batches; nil if there are none.
  package var skips: Skips?
  /// The first step that trained the parts that were frozen before; nil if there is none so far.
  package var thawStep: Int?
  /// Restarts from the initial weights; nil if there are none.
  package var restarts: [Restart]?
  /// The step of the last check for a collapse, after which there are no more; nil before it.
  package var collapseCheckStep: Int?

  /// A new start from the initial weights, at a lower learning rate and for the rest of the run.
  package struct Restart: Codable, Sendable, Equatable {
    /// The steps before it.
    package let step: Int
    /// How much of the run was done, 0...1.
    package let fraction: Double

    package init(step: Int, fraction: Double) { (self.step, self.fraction) = (step, fraction) }
  }

  /// Steps without an update, and batches that the run skips.
  package struct Skips: Codable, Sendable, Equatable {
    /// All steps without an update.
    package var steps = 0
    /// The number of such steps at the end of the run so far, in a row.
    package var inARow = 0
    /// Step s trains on batch s + `batches`, so that many batches are skipped.
    package var batches = 0
    package var returns: [Return] = []
  }

  /// A return to an older checkpoint, after which the run trains on later batches.
  package struct Return: Codable, Sendable, Equatable {
    package let fromStep: Int
    package let toStep: Int
    /// The skipped batches: `batchCount` of them from `firstBatch` on.
    package let firstBatch: Int
    package let batchCount: Int
  }

  package init() {}

  /// Whether all numbers are small enough that no computation overflows, such as steps times windows per step.
  var isPlausible: Bool {
    let returns = skips?.returns.flatMap { [$0.fromStep, $0.toStep, $0.firstBatch, $0.batchCount] } ?? []
    let steps = [step, validationsSinceBest, bestStep ?? 0, anchorStep ?? 0, thawStep ?? 0]
    let restarted = (restarts ?? []).map(\.step) + [collapseCheckStep ?? 0]
    let skipped = [skips?.steps ?? 0, skips?.inARow ?? 0, skips?.batches ?? 0]
    return seconds.isFinite && seconds >= 0 && (0...1 << 56).contains(tokens)
      && [bestStep, thawStep, anchorStep, restarts?.last?.step].allSatisfy { ($0 ?? 0) <= step }
      && (restarts ?? []).allSatisfy { (0..<1).contains($0.fraction) }
      && (steps + restarted + skipped + returns).allSatisfy { (0...1 << 41).contains($0) }
  }

  /// The link to the checkpoint to use: `best`, or `latest` if there was no validation.
  package var bestLink: String { bestStep == nil ? "latest" : "best" }

  /// The number of the batch that the next step trains on.
  package var batch: Int { step + (skips?.batches ?? 0) }

  /// Advances by one step.
  /// - Parameter isTaken: whether it changed the parameters.
  package mutating func advance(tokens count: Int, seconds duration: Double, isTaken: Bool) {
    step += 1
    tokens += count
    seconds += duration
    if !isTaken {
      skips = skips ?? Skips()
      skips?.steps += 1
      skips?.inARow += 1
    } else if skips != nil {
      skips?.inARow = 0
    }
  }

  /// The cursor of a run that returns from here to the checkpoint with the cursor `earlier`: it has the step of
  /// `earlier` and the next batch of this cursor, so the batches between are skipped.
  package func returned(to earlier: RunCursor) -> RunCursor {
    var skips = skips ?? Skips()
    skips.inARow = 0
    skips.batches = batch - earlier.step
    skips.returns.append(
      Return(
        fromStep: step, toStep: earlier.step, firstBatch: earlier.batch, batchCount: batch - earlier.batch))
    var cursor = earlier
    cursor.seconds = seconds
    cursor.skips = skips
    return cursor
  }

  /// The cursor of a run that starts anew from here, at this step and with the next batch. What it had thawed, and the scores
  /// and checkpoints of the weights that it leaves, count no more.
  /// - Parameter fraction: how much of the run is done.
  package func restarted(fraction: Double) -> RunCursor {
    var cursor = self
    cursor.restarts = (restarts ?? []) + [Restart(step: step, fraction: fraction)]
    (cursor.thawStep, cursor.anchorStep) = (nil, nil)
    (cursor.bestScore, cursor.bestStep, cursor.bestFigures) = (nil, nil, nil)
    cursor.validationsSinceBest = 0
    return cursor
  }
}
