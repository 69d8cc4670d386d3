import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for the generators and encoders in `Fixtures/electra`: with embeddings as wide as the
/// layers, and narrower ones.
@Suite struct ReferenceElectraTests {
  enum Reference: String, CaseIterable {
    case equal = ""
    case narrow = "narrow-"

    func url(_ name: String) -> URL { Fixtures.url("electra/\(rawValue)\(name)") }
  }

  /// The reference's rows without their padding.
  private struct Batch {
    let file: TensorFile
    /// The numbers of the rows that there are, in the reference's order.
    let rows: [Int]
    let masked: EncoderInput
    let replaced: EncoderInput
    /// Of the masked rows.
    let predicted: [Int32]
    let labels: [Int32]
    let isReplaced: [Float]

    init(_ reference: Reference) throws {
      let file = try TensorFile(reference.url("forward.safetensors"))
      self.file = file
      let shape = try #require(file.entries["original_ids"]?.shape)
      func read(_ name: String) throws -> [Int32] { try file.integers(name).map { Int32($0) } }
      let mask = try read("attention_mask")
      let lengths = (0..<shape[0]).map { row in
        mask[row * shape[1]..<(row + 1) * shape[1]].reduce(0) { $0 + Int($1) }
      }
      let rows = lengths.enumerated().flatMap { row, length in (0..<length).map { row * shape[1] + $0 } }
      self.rows = rows
      let segments = try read("token_type_ids")
      func input(_ name: String) throws -> EncoderInput {
        let ids = try read(name)
        return EncoderInput(
          tokens: rows.map { ids[$0] }, positions: rows.map { Int32($0 % shape[1]) },
          segments: rows.map { segments[$0] }, sequences: Sequences(lengths: lengths))
      }
      (masked, replaced) = try (input("masked_ids"), input("replaced_ids"))
      let all = try read("labels")
      predicted = rows.indices.filter { all[rows[$0]] >= 0 }.map { Int32($0) }
      labels = predicted.map { all[rows[Int($0)]] }
      let flags = try read("is_replaced")
      isReplaced = rows.map { Float(flags[$0]) }
    }
  }

  private func model(_ reference: Reference) throws -> ReplacedTokenModel {
    try ModelArchive.loadReplacedTokenModel(
      reference.url("discriminator"), generator: reference.url("generator"), sharesPositions: false,
      precision: .float32
    ).model
  }

  @Test(arguments: Reference.allCases) func logitsOfBoth(reference: Reference) throws {
    let (model, batch) = try (model(reference), Batch(reference))
    let tape = Tape(store: model.store)
    tape.begin()
    let all = batch.rows.indices.map { Int32($0) }
    let generated = model.generator.logits(tape, batch.masked, predicted: all).values()
    let expected = try batch.file.floats("generator_logits")
    let width = model.configuration.vocabularySize
    #expect(
      greatestDifference(generated, batch.rows.flatMap { expected[$0 * width..<($0 + 1) * width] }) < 1e-4)
    let detected = model.logits(tape, batch.replaced).values()
    let expectedDetected = try batch.file.floats("discriminator_logits")
    #expect(greatestDifference(detected, batch.rows.map { expectedDetected[$0] }) < 1e-4)
  }

  @Test(arguments: Reference.allCases) func lossesAndEveryGradient(reference: Reference) throws {
    let (model, batch) = try (model(reference), Batch(reference))
    let (tape, lane) = (Tape(store: model.store), GradientLane(model.store))
    lane.begin()
    tape.begin(lane: lane)
    let transformed = model.generator.transformed(tape, batch.masked, predicted: batch.predicted)
    let generated = model.generator.crossEntropy(
      tape, transformed: transformed, labels: batch.labels, gradientScale: 1 / Float(batch.labels.count))
    let losses = tape.binaryCrossEntropy(
      model.logits(tape, batch.replaced), targets: batch.isReplaced,
      gradientScale: 50 / Float(batch.rows.count))
    tape.backward()
    lane.end()
    for (name, found) in [
      ("generator_loss", generated.losses.reduce(0, +) / Float(batch.labels.count)),
      ("discriminator_loss", losses.reduce(0, +) / Float(batch.rows.count)),
    ] {
      #expect(abs(found - (try batch.file.floats(name)[0])) < 1e-4, "\(name)")
    }
    let gradients = try TensorFile(reference.url("gradients.safetensors"))
    var names: Set<String> = [
      "word_embeddings.weight.from_generator", "word_embeddings.weight.from_discriminator",
    ]
    let entries =
      model.archiveEntries.map { ("discriminator.", $0) }
      + model.generatorEntries.filter { !$0.isShared }.map { ("generator.", $0) }
    for (part, entry) in entries {
      let isTable = entry.name.hasSuffix("word_embeddings.weight")
      let name = isTable ? "word_embeddings.weight" : part + Self.nameInReference(entry.name)
      names.insert(name)
      let expected = try gradients.floats(name)
      let found = Array(lane.numbers(of: entry.parameter)[entry.elements])
      let scale = expected.map(abs).max() ?? 0
      // A key's bias shifts all scores of a query alike, so its gradient is zero but for rounding.
      let tolerance = name.hasSuffix("key.bias") ? 1e-4 : 1e-3 * scale
      let difference = greatestDifference(found, expected)
      #expect(difference <= tolerance, "\(name): \(difference) of \(scale)")
    }
    #expect(names == Set(gradients.entries.keys))
  }

  private static func nameInReference(_ name: String) -> String {
    [
      ("bert.", "electra."), ("cls.predictions.transform.", "generator_predictions."),
      ("cls.predictions.bias", "generator_lm_head.bias"),
    ].reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  /// What is written is read as the same model, under the names of the reference.
  @Test(arguments: Reference.allCases, [false, true])
  func foldersComeBack(reference: Reference, sharesPositions: Bool) throws {
    let origin = try model(reference)
    let model = ReplacedTokenModel(
      declaring: origin.configuration, generator: origin.generator.configuration,
      sharesPositions: sharesPositions, precision: .float32)
    model.store.allocate(seed: 3)
    let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: ["rows": "7"]) }
    let (again, metadata) = try ModelArchive.loadReplacedTokenModel(
      folder.url, sharesPositions: sharesPositions, precision: .float32)
    #expect(metadata["rows"] == "7")
    #expect(SmallModels.bits(again.store) == SmallModels.bits(model.store))
    #expect(again.generator.configuration == model.generator.configuration)
    let generator = folder.url.appendingPathComponent("generator")
    for (written, name) in [(folder.url, "discriminator"), (generator, "generator")] {
      func read(_ url: URL) throws -> (Set<String>, [String: Any]) {
        let json = try JSONSerialization.jsonObject(
          with: Data(contentsOf: url.appendingPathComponent("config.json")))
        return (
          try Set(TensorFile(url.appendingPathComponent("model.safetensors")).entries.keys),
          try #require(json as? [String: Any])
        )
      }
      let (found, expected) = try (read(written), read(reference.url(name)))
      #expect(found.0 == expected.0)
      for key in [
        "architectures", "model_type", "embedding_size", "hidden_size", "num_attention_heads",
        "num_hidden_layers", "intermediate_size", "vocab_size",
      ] {
        #expect("\(found.1[key] ?? 0)" == "\(expected.1[key] ?? 1)", "\(key)")
      }
    }
    // The generator by itself, and a masked-language model with narrow embeddings, are the same folder.
    let alone = try ModelArchive.loadMaskedLanguageModel(generator, precision: .float32).model
    let tape = Tape(store: alone.store)
    let input = EncoderInput(sequences: SmallModels.sequences([9]))
    tape.begin()
    let logits = alone.logits(tape, input, predicted: [0, 3, 8]).values()
    let other = Tape(store: model.store)
    other.begin()
    #expect(model.generator.logits(other, input, predicted: [0, 3, 8]).values() == logits)
    guard reference == .narrow else { return }
    let copy = try ModelFolder { try ModelArchive.write(alone, to: $0, metadata: [:]) }
    #expect(
      try Set(copy.tensors().keys)
        == Set(TensorFile(generator.appendingPathComponent("model.safetensors")).entries.keys))
  }

  /// Classifiers and translators take its encoder, with narrow embeddings too, and their own folders come back.
  @Test(arguments: Reference.allCases) func otherModelsStartFromIt(reference: Reference) throws {
    let url = reference.url("discriminator")
    let configuration = try ModelArchive.encoderConfiguration(url)
    let classifier = ClassificationModel(
      declaring: configuration, kind: .classification, labels: ["a", "b"], precision: .float32)
    let translator = TranslationModel(
      declaring: configuration, decoder: DecoderConfiguration(layerCount: 1), precision: .float32)
    for (name, origin) in try ModelArchive.start(classifier, from: url, seed: 1).map({
      ($0.entry.name, $0.origin)
    })
      + ModelArchive.start(translator, from: url, seed: 1).map({ ($0.entry.name, $0.origin) })
    where name.hasPrefix("bert.embeddings")
      || name.contains("encoder.layer.0.attention.output")
        && !name.hasPrefix("decoder.")
    {
      guard case .loaded(let file) = origin else {
        Issue.record("\(name) is \(origin)")
        continue
      }
      #expect(file.hasPrefix("electra."))
    }
    #expect(try ModelArchive.unreadTensors(url).isEmpty)
    let folder = try ModelFolder { try ModelArchive.write(classifier, to: $0, metadata: [:]) }
    let again = try ModelArchive.loadClassificationModel(folder.url, kind: nil, precision: .float32).model
    #expect(SmallModels.bits(again.store) == SmallModels.bits(classifier.store))
    let translation = try ModelFolder {
      try ModelArchive.write(translator, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let translated = try ModelArchive.loadTranslationModel(translation.url, precision: .float32).model
    #expect(SmallModels.bits(translated.store) == SmallModels.bits(translator.store))
  }

  /// A document has the same answers alone and in a pack.
  @Test(arguments: Machine.precisions) func documentsDoNotSeeEachOther(precision: ElementType) {
    var configuration = SmallModels.configuration()
    configuration.embeddingSize = 16
    let model = ReplacedTokenModel(
      declaring: configuration, generator: configuration.generator(width: 0.5, layers: 0.5),
      sharesPositions: true, precision: precision)
    model.store.allocate(seed: 1)
    func logits(_ documents: [[Int32]]) -> [Float] {
      let tape = Tape(store: model.store)
      tape.begin()
      return model.logits(tape, EncoderInput(sequences: documents)).values()
    }
    let documents = SmallModels.sequences([1, 7, 20, 12])
    #expect(greatestDifference(logits(documents), documents.flatMap { logits([$0]) }) < 1e-5)
  }

  @Test func aGeneratorIsAShareOfItsEncoder() {
    var configuration = EncoderConfiguration()
    let quarter = configuration.generator(width: 0.25, layers: 1)
    #expect(quarter.hiddenSize == 64 && quarter.headCount == 1 && quarter.feedForwardSize == 256)
    #expect(quarter.layerCount == 4 && quarter.embeddingSize == 256)
    configuration.blocks = BlockPattern("[attention, localAttention] x 2")
    configuration.embeddingSize = 64
    let short = configuration.generator(width: 0.25, layers: 0.7)
    #expect(short.layerCount == 3 && short.embeddingSize == 0 && short.embeddingWidth == 64)
    #expect(throws: Never.self) { try short.validate() }
    let tiny = SmallModels.configuration().generator(width: 0.01, layers: 0.01)
    #expect(tiny.layerCount == 1 && tiny.headCount == 1 && tiny.hiddenSize == 2)
  }

  @Test func foldersThatDoNotFitAreRefusedByName() throws {
    let mixture = failureMessage {
      _ = try ModelArchive.loadReplacedTokenModel(
        Reference.equal.url("discriminator"), generator: Reference.narrow.url("generator"),
        sharesPositions: false, precision: .float32)
    }
    #expect(mixture.contains("'embedding_size' is 20, and 32 in the encoder's"), "\(mixture)")
    let positions = failureMessage {
      _ = try ModelArchive.loadReplacedTokenModel(
        Reference.equal.url("discriminator"), generator: Reference.equal.url("generator"),
        sharesPositions: true, precision: .float32)
    }
    #expect(positions.contains("that is not the one it is tied to"), "\(positions)")
    let headless = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(Reference.equal.url("discriminator"), precision: .float32)
    }
    #expect(headless.contains("without a masked-language head (ElectraForPreTraining)"), "\(headless)")
    let generator = try ModelArchive.loadMaskedLanguageModel(
      Reference.narrow.url("generator"), precision: .float32
    ).model
    for (change, expected): ([String: Any], String) in [
      (["embedding_size": 0], "'embedding_size' is 0"),
      (["hidden_act": "relu"], "a head with GELU above layers with relu"),
    ] {
      let folder = try ModelFolder { try ModelArchive.write(generator, to: $0, metadata: [:]) }
      try folder.changeConfiguration { $0.merge(change) { $1 } }
      let message = failureMessage {
        _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
      }
      #expect(message.contains(expected), "\(message)")
    }
    let classifier = try ModelFolder { try ModelArchive.write(generator, to: $0, metadata: [:]) }
    for foreign in [
      "ElectraForSequenceClassification", "ModernBertForSequenceClassification",
      "ModernBertForTokenClassification",
    ] {
      try classifier.changeConfiguration { $0["architectures"] = [foreign] }
      let message = failureMessage {
        _ = try ModelArchive.loadClassificationModel(classifier.url, kind: nil, precision: .float32)
      }
      #expect(message.contains("the classifier of \(foreign)"), "\(message)")
    }
  }
}
