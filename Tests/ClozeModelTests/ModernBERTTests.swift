import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for the ModernBERT in `Fixtures/modernbert`, and its folders.
@Suite struct ModernBERTTests {
  private static let folder = Fixtures.url("modernbert")

  private let fixture: ReferenceEncoder
  private var model: MaskedLanguageModel { fixture.model }
  private var input: EncoderInput { fixture.input }

  init() throws { fixture = try ReferenceEncoder("modernbert") }

  /// The name of a tensor of `ArchiveEntry` in the file, by a list apart from the code's.
  private func fileName(_ name: String) -> String {
    let pairs = [
      ("bert.embeddings.word_embeddings", "model.embeddings.tok_embeddings"),
      ("bert.embeddings.LayerNorm", "model.embeddings.norm"), ("bert.encoder.LayerNorm", "model.final_norm"),
      ("bert.encoder.layer", "model.layers"), ("attention.self.query", "attn.Wqkv"),
      ("attention.self.key", "attn.Wqkv"), ("attention.self.value", "attn.Wqkv"),
      ("attention.output.dense", "attn.Wo"), ("attention.output.LayerNorm", "attn_norm"),
      ("intermediate.dense", "mlp.Wi"), ("output.dense", "mlp.Wo"), ("output.LayerNorm", "mlp_norm"),
      ("cls.predictions.transform.dense", "head.dense"),
      ("cls.predictions.transform.LayerNorm", "head.norm"), ("cls.predictions.bias", "decoder.bias"),
    ]
    return pairs.reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  // MARK: Values

  @Test func hiddenStatesAndLogits() throws {
    try #require(input.sequences == Sequences(lengths: [40, 23]))
    try fixture.expectHiddenStatesAndLogits()
  }

  /// Query, key and value are one parameter, as in the file.
  @Test func lossAndEveryGradient() throws { try fixture.expectLossAndGradients(fileName: fileName) }

  @Test(.enabled(if: Machine.multipliesBFloat16)) func bfloat16StaysNear() throws {
    let half = try ModelArchive.loadMaskedLanguageModel(Self.folder, precision: .bfloat16).model
    func logits(_ model: MaskedLanguageModel) -> [Float] {
      let tape = Tape(store: model.store)
      tape.begin()
      return model.head(tape, model.encoder(tape, input)).values()
    }
    let exact = logits(model)
    // Twice that of the BERT of half as many layers in `ReferenceBertTests`.
    #expect(greatestDifference(logits(half), exact) < 0.06 * (exact.map(abs).max() ?? 0))
  }

  // MARK: Settings

  private func copy(_ change: (ModelFolder) throws -> Void) throws -> ModelFolder {
    let folder = try ModelFolder { url in
      for name in ["config.json", "model.safetensors"] {
        try Data(contentsOf: Self.folder.appendingPathComponent(name))
          .write(to: url.appendingPathComponent(name))
      }
    }
    try change(folder)
    return folder
  }

  /// The settings file that makes this model, and what both forms of `config.json` say.
  @Test func settingsExpressIt() throws {
    var expected = EncoderConfiguration()
    (expected.vocabularySize, expected.layerCount, expected.hiddenSize) = (1000, 4, 32)
    (expected.headCount, expected.feedForwardSize, expected.positionCount) = (4, 48, 128)
    expected.blocks = BlockPattern("attention/geglu, localAttention/geglu, localAttention/geglu")
    (expected.localWindow, expected.rotaryBase, expected.localRotaryBase) = (16, 160_000, 10_000)
    (expected.positions, expected.segmentCount) = (.rotary, 0)
    (expected.hasBiases, expected.normPosition, expected.skipsFirstNorm) = (false, .pre, true)
    (expected.dropout, expected.attentionDropout, expected.normEpsilon) = (0, 0, 1e-5)
    #expect(model.configuration == expected)
    let old = try copy {
      try Data(contentsOf: Self.folder.appendingPathComponent("config.old-form.json"))
        .write(to: $0.configurationURL)
    }
    #expect(try ModelArchive.encoderConfiguration(old.url) == expected)
    let read = try ModelArchive.loadMaskedLanguageModel(old.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
  }

  /// What changes the computation and is not computed here is refused by name.
  @Test(arguments: [
    (#""attention_bias": true"#, "biases ('attention_bias')"), (#""mlp_bias": true"#, "biases ('mlp_bias')"),
    (#""norm_bias": true"#, "biases ('norm_bias')"), (#""decoder_bias": false"#, "('decoder_bias')"),
    (#""hidden_activation": "relu""#, "gated layers with the activation 'relu'"),
    (#""classifier_activation": "xielu""#, "the activation 'xielu'"),
    (#""rope_scaling": {"factor": 2}"#, "'rope_scaling'"),
    (#""layer_types": ["full_attention"]"#, "'layer_types' does not name one of"),
    (#""layer_types": ["full_attention", "linear", "full_attention", "full_attention"]"#, "'layer_types'"),
    (#""layer_types": null, "global_attn_every_n_layers": 0"#, "'global_attn_every_n_layers' is 0"),
    (#""num_hidden_layers": 9223372036854775807"#, "'num_hidden_layers' is 92233"),
    (#""rope_parameters": {"full_attention": {"rope_theta": 1e4}}"#, "'sliding_attention' is missing"),
    (
      #""rope_parameters": {"full_attention": {"rope_theta": 1e4, "rope_type": "yarn"}}"#,
      "rotary positions of the kind 'yarn'"
    ),
    (#""local_attention": 1"#, "config.json.localWindow: is 1"),
    (#""num_attention_heads": 32"#, "rotary positions need heads of an even width"),
    (#""is_decoder": true"#, "'is_decoder' true in an encoder"),
    (#""hidden_size": 64"#, "[1000, 32], the model needs [1000, 64]"),
    (#""intermediate_size": 40"#, "'model.layers.0.mlp.Wi.weight' has shape [96, 32]"),
  ])
  func hostileSettings(members: String, message: String) throws {
    let folder = try copy { folder in
      let changes = try JSONSerialization.jsonObject(with: Data("{\(members)}".utf8)) as? [String: Any]
      try folder.changeConfiguration { $0.merge(changes ?? [:]) { _, new in new } }
    }
    let found = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(found.contains(message), "\(found)")
  }

  @Test(arguments: [
    ("model.layers.0.attn.Wqkv.weight", "has no tensor 'model.layers.0.attn.Wqkv.weight'"),
    ("model.layers.1.attn_norm.weight", "has no tensor 'model.layers.1.attn_norm.weight'"),
    ("head.dense.weight", "has no tensor 'head.dense.weight'"),
  ])
  func missingTensors(name: String, message: String) throws {
    let folder = try copy { try $0.changeTensors { $0[name] = nil } }
    let found = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(found.contains(message), "\(found)")
  }

  @Test(arguments: ["model.layers.0.attn_norm.weight", "model.layers.1.attn.Wqkv.bias"])
  func tensorsWithoutAPlace(name: String) throws {
    let folder = try copy { try $0.changeTensors { $0[name] = .zeros([32]) } }
    let found = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(found.contains("tensor '\(name)' has no place in the model"), "\(found)")
  }

  // MARK: Folders

  /// A folder that Cloze writes has the names, shapes, values and settings of the one that it read.
  @Test func writtenAsRead() throws {
    let written = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:], padding: 995) }
    let (before, after) = try (
      TensorFile(Self.folder.appendingPathComponent("model.safetensors")), TensorFile(written.weightsURL)
    )
    #expect(Set(before.entries.keys) == Set(after.entries.keys))
    for (name, entry) in before.entries {
      #expect(after.entries[name]?.shape == entry.shape)
      #expect(try before.floats(name) == after.floats(name), "\(name)")
    }
    func settings(_ url: URL) throws -> NSDictionary {
      try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? NSDictionary)
    }
    let new = try settings(written.configurationURL)
    let tokens: Set = ["bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"]
    for name in ["config.json", "config.old-form.json"] {
      for (key, value) in try settings(Self.folder.appendingPathComponent(name)) {
        guard let key = key as? String, let found = new[key], !tokens.contains(key) else { continue }
        #expect(found as? NSObject == value as? NSObject, "\(key)")
      }
    }
    for key in ["layer_types", "rope_parameters", "global_rope_theta", "global_attn_every_n_layers"] {
      #expect(new[key] != nil, "\(key)")
    }
  }

  /// A model of other settings is no ModernBERT, and its folder says so.
  @Test func theArchitectureFollowsTheSettings() throws {
    func type(_ change: (inout EncoderConfiguration) -> Void) throws -> String {
      var configuration = SmallModels.modernConfiguration()
      change(&configuration)
      try configuration.validate()
      let model = MaskedLanguageModel(configuration: configuration, precision: .float32, seed: 1)
      let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
      let read = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32).model
      #expect(read.configuration.fixedSettings.map(\.value) == configuration.fixedSettings.map(\.value))
      #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
      let text = try String(contentsOf: folder.configurationURL, encoding: .utf8)
      return try String(#require(text.firstMatch(of: /"model_type" : "([a-z]+)"/)).1)
    }
    #expect(try type { _ in } == "modernbert")
    #expect(try type { $0.blocks = BlockPattern("attention/swiglu") } == "modernbert")
    #expect(try type { $0.activation = .silu } == "modernbert")
    #expect(try type { $0.blocks = BlockPattern("localAttention/geglu") } == "cloze")
    #expect(try type { $0.blocks = BlockPattern("attention") } == "cloze")
    #expect(try type { $0.blocks = BlockPattern("attention/geglu, attention/swiglu") } == "cloze")
    #expect(try type { $0.hasBiases = true } == "cloze")
    #expect(try type { $0.skipsFirstNorm = false } == "cloze")
    #expect(try type { $0.segmentCount = 2 } == "cloze")
    #expect(try type { ($0.normPosition, $0.skipsFirstNorm) = (.post, false) } == "cloze")
    #expect(try type { $0.positions = .learned } == "cloze")
  }

  /// An encoder by itself, whose names have no prefix, starts a model; a classifier's head is not taken for its own.
  @Test(arguments: [("ModernBertModel", false), ("ModernBertForSequenceClassification", true)])
  func startsFromAnotherHead(name: String, hasHead: Bool) throws {
    let folder = try copy { folder in
      try folder.changeConfiguration { $0["architectures"] = [name] }
      try folder.changeTensors { tensors in
        tensors["decoder.bias"] = nil
        if hasHead {
          tensors["classifier.weight"] = .zeros([3, 32])
        } else {
          tensors["head.dense.weight"] = nil
          tensors["head.norm.weight"] = nil
          for (name, tensor) in tensors where name.hasPrefix("model.") {
            tensors[name] = nil
            tensors[String(name.dropFirst("model.".count))] = tensor
          }
        }
      }
    }
    let message = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(message.contains("is an encoder without a masked-language head (\(name))"), "\(message)")
    let start = MaskedLanguageModel(
      declaring: try ModelArchive.encoderConfiguration(folder.url), precision: .float32)
    let origins = try ModelArchive.start(start, from: folder.url, seed: 1)
    for (entry, origin) in origins {
      #expect((origin == .new) == !entry.name.hasPrefix("bert."), "\(entry.name)")
    }
    let tape = Tape(store: start.store)
    tape.begin()
    try fixture.expectEqual(start.encoder(tape, input).values(), "last_hidden_state")
  }

  /// A translator and a classifier start from it; their folders are Cloze's own.
  @Test func otherModelsStartFromIt() throws {
    let sizes = try ModelArchive.encoderConfiguration(Self.folder)
    let translator = TranslationModel(
      declaring: sizes, decoder: DecoderConfiguration(layerCount: 1), precision: .float32)
    _ = try ModelArchive.start(translator, from: Self.folder, seed: 1)
    let tape = Tape(store: translator.store)
    tape.begin()
    try fixture.expectEqual(translator.encoder(tape, input).values(), "last_hidden_state")
    let folder = try ModelFolder {
      try ModelArchive.write(translator, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let read = try ModelArchive.loadTranslationModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(translator.store))

    let classifier = ClassificationModel(
      declaring: sizes, kind: .classification, labels: ["a", "b"], precision: .float32)
    _ = try ModelArchive.start(classifier, from: Self.folder, seed: 1)
    let other = try ModelFolder { try ModelArchive.write(classifier, to: $0, metadata: [:]) }
    let again = try ModelArchive.loadClassificationModel(other.url, kind: nil, precision: .float32).model
    #expect(SmallModels.bits(again.store) == SmallModels.bits(classifier.store))
  }

  @Test func otherSettingsAreRefused() throws {
    let settings = try ModelArchive.encoderConfiguration(Self.folder)
    func message(_ change: (inout EncoderConfiguration) -> Void) -> String {
      var configuration = settings
      change(&configuration)
      return failureMessage {
        _ = try ModelArchive.start(
          MaskedLanguageModel(declaring: configuration, precision: .float32), from: Self.folder, seed: 1)
      }
    }
    #expect(message { _ in } == "")
    #expect(message { $0.rotaryBase = 1e4 }.contains("it has rotaryBase 160000.0, the new model 10000.0"))
    #expect(message { $0.localRotaryBase = 1e5 }.contains("it has localRotaryBase 10000.0"))
    #expect(message { $0.positions = .learned }.contains("it has positions rotary, the new model learned"))
    #expect(message { $0.localWindow = 8 }.contains("it has localWindow 16, the new model 8"))
    #expect(message { $0.hasBiases = true }.contains("it has hasBiases false, the new model true"))
    #expect(message { $0.segmentCount = 2 }.contains("it has segmentCount 0, the new model 2"))
  }
}
