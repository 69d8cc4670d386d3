import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeText
import ClozeTraining
import Foundation

/// A fine-tuning run to time: 4 + 4 layers of 256 from random weights, on pairs of real lengths.
struct FinetuningCase {
  let pairs: TranslationPairs
  let tokenizer: Tokenizer

  /// - Parameter seconds: how long to take steps, after two steps of preparation.
  func run(seconds: Double, workers: Int) throws -> TrainingTiming {
    var settings = FinetuneConfiguration()
    settings.model.vocabularySize = tokenizer.vocabulary.count
    settings.compute.workers = workers
    let specials = tokenizer.vocabulary.specials
    let batches = LengthBatches(
      try PairSelection(pairs, tokenizer: tokenizer, maximumLength: settings.batch.maximumLength).encoded,
      tokensPerMicrobatch: settings.batch.tokensPerMicrobatch, seed: 1)
    let model = TranslationModel(
      configuration: settings.model, decoder: settings.decoder, precision: settings.compute.elementType,
      seed: 1)
    let stepper = Stepper(
      TranslationObjective(
        model: model, batches: batches, microbatchCount: settings.batch.microbatches,
        specials: specials, labelSmoothing: settings.labelSmoothing),
      optimizer: settings.optimizer, compute: settings.compute, seed: 1)
    let meter = StepMeter(stepper)
    try meter.run(seconds: seconds)
    let tokensPerSecond = Double(meter.tokenCount) / meter.seconds
    return TrainingTiming(
      name: "finetune-4+4x256", precision: "\(model.store.precision)", workers: stepper.workers.count,
      tokensPerSecond: tokensPerSecond,
      operationsPerSecond: tokensPerSecond * operationsPerToken(batches, settings), steps: meter.steps,
      profile: meter.shares, peakMemoryBytes: ProcessMemory.peak)
  }

  /// Useful operations a token of either side, over all pairs: 6 for each weight that a token meets, and for attention 12 D
  /// for each pair of tokens that meet, half of them where the decoder looks back.
  private func operationsPerToken(_ batches: LengthBatches<EncodedPair>, _ settings: FinetuneConfiguration)
    -> Double
  {
    let (l, d) = (Double(settings.model.layerCount), Double(settings.model.hiddenSize))
    let (decoderLayers, v) = (Double(settings.decoder.layerCount), Double(tokenizer.vocabulary.count))
    var (operations, tokens) = (0.0, 0.0)
    for pair in batches.samples {
      let (s, t) = (Double(pair.source.count + 2), Double(pair.target.count + 1))
      operations += 6 * (l * (12 * d * d * s + 2 * d * s * s))
      operations += 6 * decoderLayers * (14 * d * d * t + 2 * d * d * s + d * t * t + 2 * d * s * t)
      operations += 6 * (d * v + d * d) * t
      tokens += s + t
    }
    return operations / tokens
  }
}
