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

  /// Numbers that are used in a type of fewer digits, in which they would be 0, 1 or infinite.
  @Test(arguments: [
    ("model.attentionDropout=0.999999", "model.attentionDropout: is 0.999999; choose a rate of 0.0 to 0.999"),
    ("model.dropout=0.99999", "model.dropout: is 0.99999; choose a rate of 0.0 to 0.999"),
    ("model.dropout=-0.1", "model.dropout: is -0.1; choose a rate of 0.0 to 0.999"),
    ("model.normEpsilon=1e-60", "model.normEpsilon: is 1e-60; choose a small positive number"),
    (
      "model.initializerDeviation=1e-60",
      "model.initializerDeviation: is 1e-60; choose a small positive number"
    ),
    ("optimizer.beta1=0.99999999", "optimizer.beta1: is 0.99999999; choose a number in 0 ..< 1"),
    ("optimizer.beta2=0.99999999", "optimizer.beta2: is 0.99999999; choose a number in 0 ..< 1"),
    ("optimizer.epsilon=1e-60", "optimizer.epsilon: is 1e-60; choose a small positive number"),
  ])
  func roundedNumbers(setting: String, message: String) {
    #expect(
      failureMessage { _ = try PretrainConfiguration.load(file: nil, overrides: [setting]) }.hasPrefix(
        message))
    #expect(
      failureMessage { _ = try FinetuneConfiguration.load(file: nil, overrides: [setting]) }.hasPrefix(
        message))
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
