import ClozeCore
import ClozeEvaluation
import ClozeTestSupport
import ClozeTraining
import Testing

/// Numbers with which products of settings would overflow are refused by name, before anything is computed with them.
@Suite struct SettingsBoundsTests {
  @Test(arguments: [
    "batch.windows", "model.layerCount", "model.hiddenSize", "model.feedForwardSize", "model.positionCount",
    "model.headCount", "model.segmentCount", "batch.windowLength", "batch.microbatchWindows",
    "cadence.keepCheckpoints",
    "compute.workers", "compute.gradientLanes", "stop.minutes", "stop.steps", "stop.tokens",
  ])
  func pretraining(key: String) {
    let message = failureMessage {
      _ = try PretrainConfiguration.load(file: nil, overrides: ["\(key)=\(1 << 62)"])
    }
    #expect(
      message.contains("; choose ") && message.contains("\(key.split(separator: ".")[0])"), "\(message)")
  }

  @Test(arguments: [
    "decoder.layerCount", "batch.tokensPerMicrobatch", "batch.microbatches", "validation.beamSize",
    "compute.workers",
    "stop.minutes",
  ])
  func finetuning(key: String) {
    let message = failureMessage {
      _ = try FinetuneConfiguration.load(file: nil, overrides: ["\(key)=\(1 << 62)"])
    }
    #expect(
      message.hasPrefix("\(key.split(separator: ".")[0])") && message.contains("; choose "), "\(message)")
  }
}
