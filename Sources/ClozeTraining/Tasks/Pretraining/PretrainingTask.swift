internal import ClozeCompute
internal import ClozeData
package import ClozeEvaluation
package import Foundation

/// A task that `pretrain` runs: on the raw text of a data folder, from random weights or from those of another model.
package protocol PretrainingTask: PlannedTask
where Settings == PretrainConfiguration, Training: PretrainingObjective {
  var text: PretrainingText { get }

  /// - Throws: `PretrainError` if the text gives nothing to predict, `ShardError`, `FileError`
  init(_ text: PretrainingText) throws
}

/// An objective on the windows of a data folder.
package protocol PretrainingObjective: Objective {
  var batch: PretrainConfiguration.Batch { get }
  /// The same objective with steps of another size.
  func with(_ batch: PretrainConfiguration.Batch) -> Self
}

extension PretrainingObjective {
  package var microbatchCount: Int { batch.microbatches }
}

extension PretrainingTask {
  package var configuration: PretrainConfiguration { text.configuration }
  package var readsRawText: Bool { true }
  package var identities: CheckpointManifest.Identities { text.identities }
  package var identityMend: String {
    "resume with the data folder it was made from, and with the --model that it started from, or none where it had none"
  }
  package var microbatchCount: Int { configuration.batch.microbatches }
  package var dataBytes: Int { text.training.dataset.cacheBytes + text.validation.cacheBytes }

  package var microbatchSizes: ClosedRange<Int> { 1...configuration.batch.microbatchWindows }
  package func objective(_ training: Training, microbatchSize: Int) -> Training {
    var batch = configuration.batch
    (batch.windows, batch.microbatchWindows) = (microbatchSize, microbatchSize)
    return training.with(batch)
  }
}

extension PretrainConfiguration {
  /// The task of the settings' objective.
  /// - Throws: what opening the text throws, see `PretrainingText`
  package func task(data: URL, start: PretrainStart? = nil) throws -> any PretrainingTask {
    let text = try PretrainingText(configuration: self, data: data, start: start)
    return switch objective {
    case .masked: try MaskedLanguageTask(text)
    case .denoising: try DenoisingTask(text)
    case .replacedTokens: try ReplacedTokenTask(text)
    }
  }
}

extension PretrainConfiguration.Batch {
  /// The micro-batches of a step.
  var microbatches: Int { windows / microbatchWindows }

  /// The numbers of the run's samples in a micro-batch.
  func samples(step: Int, microbatch: Int) -> Range<Int> {
    let first = step * windows + microbatch * microbatchWindows
    return first..<first + microbatchWindows
  }
}

extension PackedWindows {
  /// The numbers of samples, and their windows and epoch, for a message.
  func describe(samples: Range<Int>) -> String {
    let places = samples.map { place(ofSample: $0) }
    return "samples \(samples.lowerBound) to \(samples.upperBound - 1) (windows "
      + places.map { String($0.window) }.joined(separator: ", ") + " of epoch \(places.first?.epoch ?? 0))"
  }
}
