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
  /// As in `model.blocks`.
  var blocks = "attention"
  var recurrentCell = RecurrentCell.gru
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
      for (length, microbatchWindows) in [(512, 2), (2048, 1)] {
        cases.append(
          PretrainingCase(
            name: "\(size)-\(length)", layerCount: layers, hiddenSize: hidden, vocabularySize: vocabulary,
            windowLength: length, windows: max(2, 128 * windows / length),
            microbatchWindows: microbatchWindows))
      }
      cases.append(
        PretrainingCase(
          name: size + "-float32", layerCount: layers, hiddenSize: hidden, vocabularySize: vocabulary,
          precision: .float32, windows: windows))
    }
    return cases + blockCases
  }()

  /// 4 x 256 with each block but BERT's, and with long windows.
  private static let blockCases: [PretrainingCase] = {
    func item(
      _ name: String, _ blocks: String, cell: RecurrentCell = .gru, windowLength: Int = 128
    ) -> PretrainingCase {
      PretrainingCase(
        name: "4x256-" + name, layerCount: 4, hiddenSize: 256, vocabularySize: 8192, blocks: blocks,
        recurrentCell: cell,
        windowLength: windowLength, windows: 4096 / windowLength,
        microbatchWindows: max(1, 1024 / windowLength))
    }
    return [
      item("geglu", "attention/geglu"), item("swiglu", "attention/swiglu"),
      item("reluSquared", "attention/reluSquared"), item("gru", "recurrent"),
      item("lstm", "recurrent", cell: .lstm),
      item("gatedMLP", "gatedMLP"),
      item("2048-local", "localAttention", windowLength: 2048),
    ]
  }()

  /// Useful operations a token: 6 for each weight of a matrix that it meets, those of `operationsOfMeetings`, and 6 (H V + H²)
  /// for each masked token's prediction.
  private func operationsPerToken(_ model: MaskedLanguageModel, maskedShare: Double) throws -> Double {
    let weights = model.store.parameters.filter {
      guard case .layer = ParameterPlace(path: $0.path) else { return false }
      return $0.shape.count == 2 && !$0.path.hasSuffix("gate.weight")
    }.reduce(0) { $0 + $1.range.count }
    let blocks = try model.configuration.blocks.blocks(layerCount: layerCount, path: "model.blocks")
    let meetings = blocks.map { operationsOfMeetings($0.mixer, model.configuration) }.reduce(0, +)
    let predictions = maskedShare * Double(hiddenSize * (vocabularySize + hiddenSize))
    return 6 * (Double(weights) + predictions) + Double(meetings)
  }

  /// Operations of a token with the others that it meets in a layer: 12 H with each in attention, 3 F in a gated MLP of the
  /// inner width F.
  private func operationsOfMeetings(_ mixer: MixerKind, _ settings: EncoderConfiguration) -> Int {
    switch mixer {
    case .attention: 12 * hiddenSize * windowLength
    case .localAttention: 12 * hiddenSize * min(windowLength, settings.localWindow + 1)
    case .gatedMLP: 3 * settings.feedForwardSize * min(windowLength, 2 * settings.gateReach - 1)
    case .recurrent: 0
    }
  }

  private var configuration: PretrainConfiguration {
    var settings = PretrainConfiguration()
    settings.model.layerCount = layerCount
    settings.model.hiddenSize = hiddenSize
    settings.model.headCount = hiddenSize / 64
    settings.model.feedForwardSize = 4 * hiddenSize
    settings.model.vocabularySize = vocabularySize
    settings.model.blocks = BlockPattern(blocks)
    settings.model.recurrentCell = recurrentCell
    settings.model.positionCount = max(windowLength, settings.model.positionCount)
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
      operationsPerSecond: try Double(meter.tokenCount) * operationsPerToken(model, maskedShare: share)
        / meter.seconds, steps: meter.steps, profile: meter.shares, peakMemoryBytes: ProcessMemory.peak)
  }
}
