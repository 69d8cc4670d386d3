import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// Frozen parts and learning rates by layer, against torch and against training without them.
@Suite struct FreezingTests {
  struct Reference: Decodable {
    let layerDecay: Double
    let freeze: String
    let losses: [Double]
    let gradientNorms: [Double]
  }

  private var compute: ComputeConfiguration {
    var compute = ComputeConfiguration()
    (compute.workers, compute.gradientLanes) = (2, 2)
    return compute
  }

  /// The loss before each of 20 steps of `torch.optim.AdamW` with a group a parameter, and the norm of what is trained.
  @Test func stepsAreThoseOfParameterGroups() throws {
    let references = try JSONDecoder().decode(
      [Reference].self, from: Data(contentsOf: Fixtures.url("layer-steps.json")))
    #expect(references.count == 4)
    for reference in references {
      let objective = try ReferenceObjective(microbatchCount: 2)
      var settings = ReferenceStepsTests.optimizer()
      (settings.layerDecay, settings.freeze) = (reference.layerDecay, reference.freeze)
      try settings.freeze(objective.store)
      let stepper = Stepper(objective, optimizer: settings, compute: compute, seed: 1)
      for step in reference.losses.indices {
        let outcome = try stepper.take(step: step, fraction: 0)
        let (loss, norm) = (reference.losses[step], reference.gradientNorms[step])
        #expect(abs(outcome.statistics.loss - loss) < 2e-3, "\(reference.freeze) step \(step)")
        #expect(abs(outcome.gradientNorm - norm) < 2e-3 * norm, "\(reference.freeze) step \(step)")
      }
    }
  }

  /// What is frozen keeps its bits and has no moments; all else moves.
  @Test(
    arguments: ["embeddings", "encoder", "layers:0", "layers:1", "embeddings,layers:0"], Machine.precisions)
  func frozenPartsKeepTheirBits(freeze: String, precision: ElementType) throws {
    let objective = try ReferenceObjective(precision: precision, microbatchCount: 2)
    let store = objective.store
    let before = store.parameters.map { Array(store.numbers(of: $0)) }
    var settings = ReferenceStepsTests.optimizer()
    (settings.freeze, settings.weightDecay, settings.layerDecay) = (freeze, 0.1, 0.9)
    try settings.freeze(store)
    let stepper = Stepper(objective, optimizer: settings, compute: compute, seed: 1)
    for step in 0..<3 { #expect(try stepper.take(step: step, fraction: 0).isTaken) }
    let folder = try TemporaryFolder()
    try stepper.optimizer.write(to: folder.url, step: 3)
    let moments = try TensorFile(folder.file("optimizer.safetensors"))
    var frozenCount = 0
    for (parameter, values) in zip(store.parameters, before) {
      let isFrozen = store.isFrozen(parameter)
      frozenCount += isFrozen ? 1 : 0
      #expect((Array(store.numbers(of: parameter)) == values) == isFrozen, "\(parameter.path)")
      for moment in ["m.", "v."] {
        let isZero = try moments.floats(moment + parameter.path).allSatisfy { $0 == 0 }
        #expect(isZero == isFrozen, "\(moment)\(parameter.path)")
      }
    }
    // Embeddings have 5 parameters, a layer 12.
    let counts = ["embeddings": 5, "encoder": 29, "layers:0": 12, "layers:1": 12, "embeddings,layers:0": 17]
    #expect(frozenCount == counts[freeze])
  }

  /// Where the pass back ends above frozen layers, the others' gradients have the bits that they have in a whole pass, with
  /// the same dropouts, and the pass takes less memory.
  @Test(arguments: Machine.precisions) func theOthersGradientsAreTheSame(precision: ElementType) throws {
    var configuration = EncoderConfiguration()
    (configuration.vocabularySize, configuration.layerCount, configuration.hiddenSize) = (60, 3, 32)
    (configuration.headCount, configuration.feedForwardSize, configuration.positionCount) = (2, 64, 64)
    configuration.initializerDeviation = 0.2
    func gradients(freezing freeze: String) throws -> (bits: [String: [UInt32]], loss: [Float], memory: Int) {
      let model = MaskedLanguageModel(configuration: configuration, precision: precision, seed: 3)
      var settings = OptimizerConfiguration()
      settings.freeze = freeze
      try settings.freeze(model.store)
      let (tape, lane) = (Tape(store: model.store), GradientLane(model.store))
      lane.begin()
      tape.begin(lane: lane, dropout: DropoutStream(seed: 5, step: 2, microbatch: 1))
      let input = EncoderInput(sequences: [RandomValues.tokens(40, below: 60, seed: 1), [7, 8, 9]])
      let result = model.crossEntropy(tape, input, predicted: [3, 17, 41], labels: [5, 6, 7])
      tape.backward()
      lane.end()
      let trained = model.store.parameters.filter { !model.store.isFrozen($0) }
      let bits = trained.map { ($0.path, lane.values(of: $0).map(\.bitPattern)) }
      return (Dictionary(uniqueKeysWithValues: bits), result.losses, tape.peakBytes)
    }
    let whole = try gradients(freezing: "none")
    for (freeze, trained) in [("embeddings,layers:0-1", 17), ("encoder", 5), ("layers:1", 5 + 24 + 5)] {
      let partial = try gradients(freezing: freeze)
      #expect(partial.loss == whole.loss, "\(freeze)")
      #expect(partial.bits.count == trained, "\(freeze)")
      for (path, bits) in partial.bits { #expect(bits == whole.bits[path], "\(freeze): \(path)") }
      #expect(freeze == "layers:1" || partial.memory < whole.memory)
    }
  }

  @Test(arguments: Machine.precisions) func sameBitsForAnyNumberOfWorkers(precision: ElementType) throws {
    func parameters(workers: Int) throws -> [UInt32] {
      let objective = try ReferenceObjective(precision: precision, microbatchCount: 4)
      var settings = ReferenceStepsTests.optimizer()
      (settings.freeze, settings.layerDecay) = ("embeddings", 0.7)
      try settings.freeze(objective.store)
      var compute = compute
      compute.workers = workers
      let stepper = Stepper(objective, optimizer: settings, compute: compute, seed: 1)
      for step in 0..<4 { _ = try stepper.take(step: step, fraction: 0) }
      return objective.store.parameters.flatMap { objective.store.numbers(of: $0).map(\.bitPattern) }
    }
    #expect(try parameters(workers: 1) == parameters(workers: 3))
  }

  @Test(arguments: [
    ("everything", "has the part 'everything'; choose none, embeddings, encoder, decoder, layers:0-3"),
    ("", "has the part ''; choose none"), ("layers:3-1", "has the part 'layers:3-1'"),
    ("embeddings,,encoder", "has the part ''"),
    ("layers:0-2", "names layer 2; the encoder has 2, choose 0 to 1"),
    ("decoder", "names a decoder, which this model does not have"),
  ])
  func badPartsAreRefused(freeze: String, message: String) throws {
    let objective = try ReferenceObjective()
    var settings = OptimizerConfiguration()
    settings.freeze = freeze
    let found = failureMessage { try settings.freeze(objective.store) }
    #expect(found.hasPrefix("optimizer.freeze: " + message), "\(found)")
  }

  @Test func somethingMustBeTrained() throws {
    let model = TranslationModel(
      configuration: try ModelArchive.encoderConfiguration(Fixtures.url("bert")),
      decoder: DecoderConfiguration(layerCount: 1), precision: .float32, seed: 1)
    var settings = OptimizerConfiguration()
    settings.freeze = "encoder,decoder"
    #expect(failureMessage { try settings.freeze(model.store) }.contains("leaves nothing to train"))
    settings.freeze = "decoder"
    try settings.freeze(model.store)
    #expect(
      model.store.parameters.allSatisfy { model.store.isFrozen($0) == $0.path.hasPrefix("decoder.") })
  }

  @Test(arguments: [0, -0.5, 1.01, .nan]) func badDecaysAreRefused(decay: Double) {
    var settings = OptimizerConfiguration()
    settings.layerDecay = decay
    #expect(failureMessage { try settings.validate() }.hasPrefix("optimizer.layerDecay: is "))
  }
}
