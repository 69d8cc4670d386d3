import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Testing

/// New models that start from the folder of another.
@Suite struct ModelStartTests {
  private let pretrained = SmallModels.maskedLanguage(seed: 11)
  private let folder: ModelFolder

  init() throws {
    let model = pretrained
    folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
  }

  private func declared(
    _ precision: ElementType = .float32, layerCount: Int = 2,
    configuration: EncoderConfiguration = SmallModels.configuration()
  ) -> TranslationModel {
    TranslationModel(
      declaring: configuration, decoder: DecoderConfiguration(layerCount: layerCount), precision: precision)
  }

  /// A decoder as deep as the pretrained encoder, less deep, and deeper.
  @Test(arguments: [1, 2, 4], Machine.precisions)
  func everyTensorHasAnOrigin(layerCount: Int, precision: ElementType) throws {
    let model = declared(precision, layerCount: layerCount)
    let fresh = SmallModels.translation(precision, layerCount: layerCount, seed: 2)
    let table = try ModelArchive.start(model, from: folder.url, seed: 2)
    #expect(table.map(\.entry.name) == model.archiveEntries.map(\.name))
    let file = try TensorFile(folder.weightsURL)
    var counts = (loaded: 0, shared: 0, new: 0)
    for (entry, origin) in table {
      let values = Array(model.store.numbers(of: entry.parameter)[entry.elements])
      switch origin {
      case .loaded(let name):
        counts.loaded += 1
        #expect(try values == file.floats(name), "\(entry.name)")
        #expect(!entry.name.hasPrefix("decoder.bert.encoder."))
      case .extended: Issue.record("\(entry.name): the vocabulary is the same")
      case .shared:
        counts.shared += 1
        #expect(try values == file.floats("bert.embeddings.word_embeddings.weight"))
      case .new:
        counts.new += 1
        #expect(values == Array(fresh.store.numbers(of: entry.parameter)[entry.elements]))
        let isLayer = entry.name.hasPrefix("decoder.bert.encoder.layer.")
        #expect(isLayer || entry.name.hasPrefix("decoder.cls.predictions.transform."), "\(entry.name)")
      }
    }
    // An encoder's layer has 16 tensors, a decoder's 26, embeddings 5 (one of the decoder's shared), a transform 4; and the
    // output bias.
    #expect(counts.loaded == 5 + 2 * 16 + 4 + 1)
    #expect(counts.shared == 1)
    #expect(counts.new == layerCount * 26 + 4)
    if let copies = model.store.copies {
      let token = table[0].entry.parameter
      #expect(
        token.range.allSatisfy {
          Float(bitPattern: UInt32(copies[$0]) << 16) == ReferenceKernels.bfloat16(model.store.values[$0])
        })
    }
  }

  /// Where each tensor of a translator comes from, by name, in a BERT's folder.
  @Test(arguments: [
    (
      "encoder.encoder.layer.1.output.dense.bias",
      StartTensor.loaded("bert.encoder.layer.1.output.dense.bias")
    ),
    ("decoder.bert.encoder.layer.1.attention.self.key.weight", .new),
    ("decoder.bert.encoder.LayerNorm.weight", .new),
    (
      "decoder.bert.embeddings.position_embeddings.weight",
      .loaded("bert.embeddings.position_embeddings.weight")
    ),
    ("decoder.cls.predictions.bias", .ofPart("cls.predictions.bias", part: "cls.predictions.")),
    ("decoder.cls.predictions.transform.dense.weight", .new),
    ("decoder.bert.encoder.layer.1.crossattention.self.key.weight", .new), ("pooler.dense.weight", .new),
  ])
  func startTensor(name: String, expected: StartTensor) {
    #expect(declared().startTensor(name, in: .maskedLanguage) == expected)
    #expect(declared().startTensor(name, in: .translation) == .loaded(name))
  }

  // MARK: Other pairs of models

  private func numbers(_ store: ParameterStore, _ path: String) throws -> [Float] {
    Array(store.numbers(of: try #require(store.parameters.first { $0.path == path })))
  }

  /// A translator gives a translator all that it has, and nothing of the initial values is left.
  @Test func aTranslatorStartsATranslator() throws {
    let other = SmallModels.translation(layerCount: 1, seed: 5)
    let folder = try ModelFolder {
      try ModelArchive.write(other, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let model = declared(layerCount: 1)
    let origins = try ModelArchive.start(model, from: folder.url, seed: 9)
    #expect(!origins.contains { $0.origin == .new })
    #expect(origins.count { $0.origin == .shared } == 1)
    #expect(SmallModels.bits(model.store) == SmallModels.bits(other.store))
    #expect(try ModelArchive.decoderConfiguration(folder.url)?.layerCount == 1)
    let message = failureMessage {
      _ = try ModelArchive.start(declared(layerCount: 2), from: folder.url, seed: 9)
    }
    #expect(message.contains("decoder layers 1, the new model 2"), "\(message)")
  }

  /// A translator gives a masked-language model its encoder; the head is new. Another one gives everything.
  @Test func anyModelStartsAMaskedLanguageModel() throws {
    let translator = SmallModels.translation(seed: 5)
    let folder = try ModelFolder {
      try ModelArchive.write(translator, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let model = MaskedLanguageModel(declaring: SmallModels.configuration(), precision: .float32)
    let origins = try ModelArchive.start(model, from: folder.url, seed: 9)
    let fresh = SmallModels.maskedLanguage(seed: 9)
    for parameter in model.store.parameters {
      let origin = parameter.path.hasPrefix("encoder.") ? translator.store : fresh.store
      #expect(try numbers(model.store, parameter.path) == numbers(origin, parameter.path))
    }
    #expect(origins.count { $0.origin == .new } == 5)

    let again = MaskedLanguageModel(declaring: SmallModels.configuration(), precision: .float32)
    #expect(try ModelArchive.start(again, from: self.folder.url, seed: 9).allSatisfy { $0.origin != .new })
    #expect(SmallModels.bits(again.store) == SmallModels.bits(pretrained.store))
  }

  /// Rows that are there stay to the bit in their new place; new ones are means, and the rest of the model is the same.
  @Test func otherTokensHaveTheRowsOfTheirPieces() throws {
    var configuration = SmallModels.configuration()
    configuration.vocabularySize = 53
    // Tokens 0 to 49 turned round, then one of pieces 3 and 4, one of 7 three times and 8, and one of nothing.
    let rows = TokenRows(
      sources: (0..<50).map { [49 - $0] } + [[3, 4], [7, 7, 7, 8], []], all: Array(5..<50), newCount: 3)
    let model = MaskedLanguageModel(declaring: configuration, precision: .float32)
    let origins = try ModelArchive.start(model, from: folder.url, seed: 9, rows: rows)
    #expect(
      origins.filter { if case .extended(_, 3) = $0.origin { true } else { false } }.map(\.entry.name) == [
        "bert.embeddings.word_embeddings.weight", "cls.predictions.bias",
      ])
    let (old, new) = (
      try numbers(pretrained.store, "encoder.embeddings.token"),
      try numbers(model.store, "encoder.embeddings.token")
    )
    for row in 0..<50 {
      #expect(Array(new[row * 24..<(row + 1) * 24]) == Array(old[(49 - row) * 24..<(50 - row) * 24]))
    }
    for column in 0..<24 {
      func value(_ row: Int) -> Float { old[row * 24 + column] }
      #expect(abs(new[50 * 24 + column] - (value(3) + value(4)) / 2) < 1e-6)
      #expect(abs(new[51 * 24 + column] - (3 * value(7) + value(8)) / 4) < 1e-6)
      #expect(abs(new[52 * 24 + column] - (5..<50).map(value).reduce(0, +) / 45) < 1e-6)
    }
    let message = failureMessage {
      let model = MaskedLanguageModel(declaring: configuration, precision: .float32)
      _ = try ModelArchive.start(model, from: folder.url, seed: 9)
    }
    #expect(message.contains("has shape [50, 24], the model needs [53, 24]"), "\(message)")
  }

  // MARK: What does not fit

  @Test(arguments: [
    "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.1.attention.self.query.bias",
    "cls.predictions.bias",
  ])
  func missingTensorIsRefused(name: String) throws {
    try folder.changeTensors { $0[name] = nil }
    let message = failureMessage {
      _ = try ModelArchive.start(declared(), from: folder.url, seed: 0)
    }
    #expect(message.contains("model.safetensors: has no tensor '\(name)'"), "\(message)")
  }

  /// Other sizes, and what no tensor's shape would show.
  @Test func anotherModelIsRefused() throws {
    func message(_ change: (inout EncoderConfiguration) -> Void) -> String {
      var configuration = SmallModels.configuration()
      change(&configuration)
      return failureMessage {
        _ = try ModelArchive.start(
          declared(layerCount: 1, configuration: configuration), from: folder.url, seed: 0)
      }
    }
    #expect(message { $0.hiddenSize = 48 }.contains("has shape [50, 24], the model needs [50, 48]"))
    #expect(message { $0.vocabularySize = 60 }.contains("word_embeddings.weight' has shape [50, 24]"))
    #expect(message { $0.positionCount = 16 }.contains("position_embeddings.weight' has shape [32, 24]"))
    #expect(message { $0.headCount = 4 }.contains("it has headCount 3, the new model 4;"))
    #expect(message { $0.layerCount = 1 }.contains("it has layerCount 2, the new model 1;"))
    #expect(message { $0.normEpsilon = 1e-5 }.contains("normEpsilon 1e-12, the new model 1e-05"))
    #expect(message { $0.activation = .relu }.contains("activation gelu, the new model relu"))
    #expect(message { _ in } == "")
  }
}
