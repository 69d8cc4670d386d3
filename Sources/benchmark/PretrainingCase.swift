import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeText
import ClozeTraining
import Foundation

/// A pretraining run to time: the sizes of the model and of its batches.
struct PretrainingCase {
  let name: String
  let layerCount: Int
  let hiddenSize: Int
  let vocabularySize: Int
  var windowLength = 128
  var dropout = 0.1
  var precision = ComputeConfiguration.Precision.automatic
  /// Windows of a step and of a micro-batch.
  var windows = 32
  var microbatchWindows = 8

  static let all: [PretrainingCase] = {
    var cases: [PretrainingCase] = []
    for (layers, hidden, vocabulary, windows) in [
      (4, 256, 8192, 32), (4, 512, 8192, 32), (12, 768, 30522, 16),
    ] {
      let size = "\(layers)x\(hidden)"
      for dropout in [0, 0.1] {
        cases.append(
          PretrainingCase(
            name: dropout > 0 ? size + "-dropout" : size, layerCount: layers, hiddenSize: hidden,
            vocabularySize: vocabulary, dropout: dropout, windows: windows))
      }
      cases.append(
        PretrainingCase(
          name: size + "-512", layerCount: layers, hiddenSize: hidden, vocabularySize: vocabulary,
          windowLength: 512, windows: windows / 4, microbatchWindows: 2))
      cases.append(
        PretrainingCase(
          name: size + "-float32", layerCount: layers, hiddenSize: hidden, vocabularySize: vocabulary,
          precision: .float32, windows: windows))
    }
    return cases
  }()

  /// Useful operations a token: 6 (12 L H² + 2 L T H) for the blocks, 6 (H V + H²) for each masked token's prediction.
  private func operationsPerToken(maskedShare: Double) -> Double {
    let (l, h) = (Double(layerCount), Double(hiddenSize))
    let head = h * Double(vocabularySize) + h * h
    return 6 * (12 * l * h * h + 2 * l * Double(windowLength) * h) + 6 * maskedShare * head
  }

  private var configuration: PretrainConfiguration {
    var settings = PretrainConfiguration()
    settings.model.layerCount = layerCount
    settings.model.hiddenSize = hiddenSize
    settings.model.headCount = hiddenSize / 64
    settings.model.feedForwardSize = 4 * hiddenSize
    settings.model.vocabularySize = vocabularySize
    settings.model.dropout = dropout
    settings.model.attentionDropout = dropout
    settings.batch.windowLength = windowLength
    settings.batch.windows = windows
    settings.batch.microbatchWindows = microbatchWindows
    settings.compute.precision = precision
    return settings
  }

  /// - Parameter seconds: how long to take steps, after two steps of preparation.
  func run(seconds: Double, workers: Int, scratch: URL) throws -> TrainingTiming {
    var settings = configuration
    settings.compute.workers = workers
    let data = try RandomText.dataset(vocabularySize: vocabularySize, folder: scratch)
    let vocabulary = try RandomText.vocabulary(count: vocabularySize)
    let model = MaskedLanguageModel(
      configuration: settings.model, precision: settings.compute.elementType, seed: 1)
    let windows = try PackedWindows(
      data, windowLength: windowLength, specials: vocabulary.specials, seed: 1)
    let source = MaskedBatchSource(
      windows: windows, masking: try Masking(settings.masking, vocabulary: vocabulary), seed: 1)
    let stepper = Stepper(
      MaskedObjective(model: model, source: source, batch: settings.batch), optimizer: settings.optimizer,
      compute: settings.compute, seed: 1)
    let meter = StepMeter(stepper)
    try meter.run(seconds: seconds)
    let share = Double(meter.predictionCount) / Double(meter.tokenCount)
    return TrainingTiming(
      name: name, precision: "\(model.store.precision)", workers: stepper.workers.count,
      tokensPerSecond: Double(meter.tokenCount) / meter.seconds,
      operationsPerSecond: Double(meter.tokenCount) * operationsPerToken(maskedShare: share)
        / meter.seconds, steps: meter.steps, profile: meter.shares, peakMemoryBytes: ProcessMemory.peak)
  }
}
