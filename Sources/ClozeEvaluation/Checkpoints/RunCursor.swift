/// Where a run stands: all that is needed, with the parameters and the optimizer's moments, to go on as if it had never
/// stopped. Orders, masks and dropouts are functions of it, so nothing else is kept.
package struct RunCursor: Codable, Sendable, Equatable {
  /// Steps taken, skipped ones included.
  package var step = 0
  package var tokens = 0
  /// Time spent, over all parts of the run.
  package var seconds = 0.0
  /// The best validation score so far, larger being better, and the step it was reached at.
  package var bestScore: Double?
  package var bestStep: Int?
  /// What that validation said, by name; nil in checkpoints of earlier versions.
  package var bestFigures: [String: Double]?
  /// Validations since then.
  package var validationsSinceBest = 0
  /// The checkpoint that the run goes back to where its numbers stop being finite: the last one that the cadence asked
  /// for. One that an interruption asked for is none, or where a run ends up would depend on its interruptions.
  package var anchorStep: Int?
  /// What was passed over; nil where nothing was.
  package var skips: Skips?

  /// Steps without an update, and the samples that a run has passed over.
  package struct Skips: Codable, Sendable, Equatable {
    /// In all.
    package var steps = 0
    /// The last so many, one after another.
    package var inARow = 0
    /// Step s trains on batch s + `batches`.
    package var batches = 0
    package var returns: [Return] = []
  }

  /// The run went back to an older checkpoint, and on with other samples.
  package struct Return: Codable, Sendable, Equatable {
    package let fromStep: Int
    package let toStep: Int
    /// The batches that no step of the run that came of it is trained on.
    package let firstBatch: Int
    package let batchCount: Int
  }

  package init() {}

  /// Whether the numbers are such that nothing that is done with them overflows: steps and batches times the windows or
  /// pairs of one, too.
  var isPlausible: Bool {
    let returns = skips?.returns.flatMap { [$0.fromStep, $0.toStep, $0.firstBatch, $0.batchCount] } ?? []
    let steps = [step, validationsSinceBest, bestStep ?? 0, anchorStep ?? 0]
    let skipped = [skips?.steps ?? 0, skips?.inARow ?? 0, skips?.batches ?? 0]
    return seconds.isFinite && seconds >= 0 && (0...1 << 56).contains(tokens)
      && (steps + skipped + returns).allSatisfy { (0...1 << 41).contains($0) }
  }

  /// The link in the run folder to the checkpoint that a person wants: the best, or the latest where none was validated.
  package var bestLink: String { bestStep == nil ? "latest" : "best" }

  /// The number of the batch that the next step trains on.
  package var batch: Int { step + (skips?.batches ?? 0) }

  /// Counts a step.
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

  /// The cursor with which a run that stands here goes on from the checkpoint of `earlier`: at its step, and with the
  /// batch that would have been next here, so past all samples in between.
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
}
