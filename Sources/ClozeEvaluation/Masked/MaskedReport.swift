internal import ClozeCore
package import ClozeData
package import ClozeText

/// One prediction of a model: the true token at a selected position, and its rank and loss.
package struct MaskedPrediction: Sendable, Equatable {
  package let label: TokenID
  package let outcome: MaskingOutcome
  /// The number of tokens with a higher logit than the label.
  package let rank: Int32
  /// -ln p(label), nats.
  package let loss: Float

  package init(label: TokenID, outcome: MaskingOutcome, rank: Int32, loss: Float) {
    self.label = label
    self.outcome = outcome
    self.rank = rank
    self.loss = loss
  }
}

/// The result of a masked evaluation: a function of the predictions alone.
package struct MaskedReport: Sendable, Equatable {
  package struct Unigram: Sendable, Equatable {
    package let origin: UnigramBaseline.Origin
    package let accuracy: Double
    /// Nats a prediction.
    package let loss: Double
  }

  package let all: MaskedScores
  package let byOutcome: [MaskingOutcome: MaskedScores]
  /// In the order of `UnigramBaseline.bands`; empty without a baseline.
  package let byBand: [MaskedScores]
  package let windowCount: Int
  /// Bootstrap 95 % intervals.
  package let accuracyInterval: ClosedRange<Double>
  package let top5Interval: ClosedRange<Double>
  /// nil without a baseline or predictions.
  package let unigram: Unigram?

  /// - Parameter windows: the predictions of each window, in order. All sums run in this order, so the report has the
  ///   same bits for any distribution of the windows over workers.
  package init(windows: [[MaskedPrediction]], baseline: UnigramBaseline?) {
    var all = MaskedScores()
    var byOutcome = Dictionary(uniqueKeysWithValues: MaskingOutcome.allCases.map { ($0, MaskedScores()) })
    var byBand = [MaskedScores](
      repeating: MaskedScores(), count: baseline == nil ? 0 : UnigramBaseline.bands.count)
    var (unigramHits, unigramLoss) = (0, 0.0)
    for prediction in windows.joined() {
      let (rank, loss) = (prediction.rank, Double(prediction.loss))
      all.add(rank: rank, loss: loss)
      byOutcome[prediction.outcome]?.add(rank: rank, loss: loss)
      if let baseline {
        byBand[baseline.band(of: prediction.label)].add(rank: rank, loss: loss)
        unigramHits += baseline.answers(prediction.label) ? 1 : 0
        unigramLoss += baseline.loss(of: prediction.label)
      }
    }
    let intervals = MaskedReport.intervals(windows)
    self.all = all
    self.byOutcome = byOutcome
    self.byBand = byBand
    windowCount = windows.count
    accuracyInterval = intervals[0]
    top5Interval = intervals[1]
    unigram = baseline.flatMap { baseline in
      guard all.count > 0 else { return nil }
      return Unigram(
        origin: baseline.origin, accuracy: Double(unigramHits) / Double(all.count),
        loss: unigramLoss / Double(all.count))
    }
  }

  /// Windows are resampled, not predictions: those of one window share its text and are not independent.
  /// - Returns: of the accuracy and the top-5 accuracy.
  private static func intervals(_ windows: [[MaskedPrediction]]) -> [ClosedRange<Double>] {
    let counts = windows.map(\.count)
    let top1 = windows.map { $0.count { $0.rank == 0 } }
    let top5 = windows.map { $0.count { $0.rank < 5 } }
    return Bootstrap.intervals(itemCount: windows.count, scoreCount: 2) { drawn in
      var (count, hits, hits5) = (0, 0, 0)
      for window in drawn {
        count += counts[window]
        hits += top1[window]
        hits5 += top5[window]
      }
      // A resample without predictions has no accuracy.
      return count > 0 ? [Double(hits) / Double(count), Double(hits5) / Double(count)] : nil
    }
  }

  /// Reasons not to trust the figures, one sentence each.
  package var warnings: [String] {
    var warnings: [String] = []
    // Some selected tokens stay visible and can be copied, so the check uses the masked ones alone.
    let masked = byOutcome[.masked] ?? MaskedScores()
    let accuracy = Figure.percent(masked.accuracy, 2)
    if masked.accuracy > 0.95 {
      warnings.append(
        "\(accuracy) of the masked tokens are predicted, which real text hardly allows: look for text that is in the "
          + "training data, too, for repetitions, or for a selection rate near 0")
    }
    if all.count > 0, !all.loss.isFinite {
      warnings.append(
        "the model gives numbers that are not finite; its weights are damaged or its training diverged")
    } else if let unigram, masked.accuracy <= unigram.accuracy {
      warnings.append(
        "the accuracy of \(accuracy) on masked tokens is not above the unigram baseline of "
          + "\(Figure.percent(unigram.accuracy, 2)): the model has learnt nothing of context yet")
    } else if let unigram, accuracyInterval.lowerBound <= unigram.accuracy {
      warnings.append(
        "the accuracy of \(Figure.percent(all.accuracy, 2)) is not clearly above the unigram baseline of "
          + "\(Figure.percent(unigram.accuracy, 2)), which lies in its interval; evaluate on more text")
    }
    if windowCount < 20 {
      warnings.append(
        "\(windowCount) \(windowCount == 1 ? "window is" : "windows are") too few for an interval to be relied on; "
          + "evaluate on more text")
    }
    return warnings
  }
}
