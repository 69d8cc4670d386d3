import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// Model folders that must be refused, each with its path, what is wrong and what to do.
@Suite struct HostileModelFolderTests {
  private func maskedLanguageFolder() throws -> ModelFolder {
    try ModelFolder { try ModelArchive.write(SmallModels.maskedLanguage(), to: $0, metadata: [:]) }
  }

  private func translationFolder() throws -> ModelFolder {
    try ModelFolder {
      try ModelArchive.write(
        SmallModels.translation(), to: $0, metadata: [:], generation: SmallModels.generation)
    }
  }

  private func expectRefused(
    _ url: URL, at path: String, _ reason: String, kind: ModelArchive.Kind = .maskedLanguage,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let message = failureMessage {
      switch kind {
      case .maskedLanguage: _ = try ModelArchive.loadMaskedLanguageModel(url, precision: .float32)
      case .translation: _ = try ModelArchive.loadTranslationModel(url, precision: .float32)
      }
    }
    #expect(message.hasPrefix(path + ": "), "\(message)", sourceLocation: sourceLocation)
    #expect(message.contains(reason), "\(message)", sourceLocation: sourceLocation)
    // `where: what is wrong; what to do`
    #expect(message.contains("; "), "\(message)", sourceLocation: sourceLocation)
  }

  @Test func notAModelFolder() throws {
    let folder = try TemporaryFolder()
    expectRefused(folder.url, at: folder.url.path, "has no config.json")
    let file = try folder.write("text", to: "file.txt")
    expectRefused(file, at: file.path, "is not a model folder")
    let missing = folder.file("none")
    expectRefused(missing, at: missing.path, "is not a model folder")
  }

  @Test func noWeights() throws {
    let folder = try maskedLanguageFolder()
    try FileManager.default.removeItem(at: folder.weightsURL)
    expectRefused(folder.url, at: folder.weightsURL.path, "does not exist")
  }

  @Test(arguments: ["", "{", "nonsense", "[]", "3", "null", "\u{FF}"])
  func configurationIsNotAnObject(text: String) throws {
    let folder = try maskedLanguageFolder()
    try Data(text.utf8).write(to: folder.configurationURL)
    expectRefused(folder.url, at: folder.configurationURL.path, "is not a JSON object")
  }

  @Test func deeplyNestedConfiguration() throws {
    let folder = try maskedLanguageFolder()
    try Data(String(repeating: "{\"a\":", count: 1_000_000).utf8).write(to: folder.configurationURL)
    expectRefused(folder.url, at: folder.configurationURL.path, "is not a JSON object")
  }

  @Test(arguments: [
    "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "hidden_act",
  ])
  func mistypedSetting(key: String) throws {
    for value in [["a"], NSNull(), true] as [Any] {
      let folder = try maskedLanguageFolder()
      try folder.changeConfiguration { $0[key] = value }
      expectRefused(folder.url, at: folder.configurationURL.path, "'\(key)' is missing or is not")
    }
  }

  @Test(arguments: [
    ("model_type", "distilbert", "the model type 'distilbert'"),
    ("hidden_act", "xielu", "the activation 'xielu'"),
    ("position_embedding_type", "relative_key", "'relative_key' position embeddings"),
  ])
  func unsupportedChoice(key: String, value: String, reason: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeConfiguration { $0[key] = value }
    expectRefused(folder.url, at: folder.configurationURL.path, "asks for \(reason)")
  }

  @Test(arguments: [
    ("tie_word_embeddings", false, "has no tensor 'cls.predictions.decoder.weight'"),
    ("is_decoder", true, "'is_decoder' true"),
    ("add_cross_attention", true, "'add_cross_attention' true"),
  ])
  func unsupportedSwitch(key: String, value: Bool, reason: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeConfiguration { $0[key] = value }
    let path = key == "tie_word_embeddings" ? folder.weightsURL.path : folder.configurationURL.path
    expectRefused(folder.url, at: path, reason)
  }

  /// A setting that says the opposite of its default in another type must not be read as the default.
  @Test(arguments: [
    ("is_decoder", "\"true\"", "'is_decoder' is not true or false"),
    ("is_decoder", "1", "'is_decoder' is not true or false"),
    ("add_cross_attention", "[]", "'add_cross_attention' is not true or false"),
    ("tie_word_embeddings", "\"false\"", "'tie_word_embeddings' is not true or false"),
    ("position_embedding_type", "5", "'position_embedding_type' is not text"),
    ("layer_norm_eps", "\"1e-12\"", "'layer_norm_eps' is not a number"),
    ("layer_norm_eps", "1e999", "normEpsilon: is inf; choose"),
    ("layer_norm_eps", "1e300", "normEpsilon: is 1e+300; choose"),
    ("initializer_range", "1e999", "initializerDeviation: is inf; choose"),
  ])
  func settingOfAnotherType(key: String, json: String, reason: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeConfiguration { $0[key] = nil }
    try folder.addToConfiguration("\"\(key)\":\(json)")
    expectRefused(folder.url, at: folder.configurationURL.path, reason)
  }

  @Test(arguments: [
    "is_decoder", "add_cross_attention", "tie_word_embeddings", "position_embedding_type", "layer_norm_eps",
  ])
  func nullIsTheDefault(key: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeConfiguration { $0[key] = NSNull() }
    let model = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32).model
    #expect(model.configuration == SmallModels.maskedLanguage().configuration)
  }

  @Test func settingTwice() throws {
    let folder = try maskedLanguageFolder()
    try folder.addToConfiguration(#""hidden_act":"relu""#)
    expectRefused(folder.url, at: folder.configurationURL.path, "has the key 'hidden_act' twice")
  }

  /// None of these may be believed, least of all by allocating what they ask for.
  @Test(arguments: [
    ("vocab_size", 0), ("vocab_size", -1), ("vocab_size", Int.max), ("vocab_size", 51),
    ("vocab_size", 1 << 24),
    ("hidden_size", 25), ("hidden_size", 0), ("hidden_size", -24), ("hidden_size", Int.max),
    ("hidden_size", 48),
    ("hidden_size", 3 << 14), ("num_attention_heads", 5), ("num_attention_heads", 0),
    ("num_attention_heads", Int.min),
    ("num_hidden_layers", 3), ("num_hidden_layers", 0), ("num_hidden_layers", Int.max),
    ("num_hidden_layers", 1024),
    ("intermediate_size", 41), ("intermediate_size", Int.max), ("intermediate_size", 1 << 18),
    ("max_position_embeddings", 31), ("max_position_embeddings", Int.max), ("type_vocab_size", 1),
    ("type_vocab_size", Int.max),
  ])
  func sizesThatAreNotTheWeights(key: String, value: Int) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeConfiguration { $0[key] = value }
    let message = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(message.hasPrefix(folder.url.path), "\(message)")
    #expect(message.contains("; "), "\(message)")
  }

  @Test(arguments: [
    ("hidden_dropout_prob", 1.0), ("hidden_dropout_prob", -0.1), ("attention_probs_dropout_prob", 1.5),
    ("layer_norm_eps", 0), ("initializer_range", -1),
  ])
  func ratesOutOfRange(key: String, value: Double) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeConfiguration { $0[key] = value }
    expectRefused(folder.url, at: folder.configurationURL.path, "choose")
  }

  @Test(arguments: [
    "bert.encoder.layer.2.output.dense.bias", "bert.extra", "cls.predictions.other",
    "encoder.layer.2.output.dense.bias",
  ])
  func unknownTensor(name: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeTensors { $0[name] = .zeros([24]) }
    expectRefused(folder.url, at: folder.weightsURL.path, "tensor '\(name)' has no place")
  }

  @Test(arguments: [
    "bert.embeddings.LayerNorm.bias", "bert.encoder.layer.0.attention.self.value.weight",
    "cls.predictions.bias",
  ])
  func missingOrMisshapenTensor(name: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeTensors { $0[name] = .zeros([7]) }
    expectRefused(folder.url, at: folder.weightsURL.path, "tensor '\(name)' has shape [7]")
    try folder.changeTensors { $0[name] = nil }
    expectRefused(folder.url, at: folder.weightsURL.path, "has no tensor '\(name)'")
  }

  @Test(arguments: ["F8_E4M3", "I16", "I64"])
  func weightsOfAnotherType(type: String) throws {
    let folder = try maskedLanguageFolder()
    try folder.changeTensors { tensors in
      let size = ["F8_E4M3": 1, "I16": 2][type] ?? 8
      tensors["cls.predictions.bias"] = .init(type: type, shape: [50], bytes: Data(count: 50 * size))
    }
    expectRefused(folder.url, at: folder.weightsURL.path, "'cls.predictions.bias' is \(type)")
  }

  @Test(arguments: [0.0, 0.001, 0.1, 0.5, 0.99])
  func halfAFile(share: Double) throws {
    let folder = try maskedLanguageFolder()
    let data = try Data(contentsOf: folder.weightsURL)
    try data.prefix(Int(share * Double(data.count))).write(to: folder.weightsURL)
    expectRefused(folder.url, at: folder.weightsURL.path, "is cut off")
  }

  @Test func modelsOfTheOtherKind() throws {
    let maskedLanguage = try maskedLanguageFolder()
    let translation = try translationFolder()
    expectRefused(
      maskedLanguage.url, at: maskedLanguage.url.path, "is a masked-language model where a translation model",
      kind: .translation)
    expectRefused(
      translation.url, at: translation.url.path, "is a translation model where a masked-language model")
  }

  /// A decoder that is not causal, does not attend, or is not of the encoder's sizes.
  @Test(
    arguments: [
      ("is_decoder", "false", "'is_decoder' false"),
      ("add_cross_attention", "false", "'add_cross_attention' false"),
      ("intermediate_size", "48", "a decoder of other sizes"),
      ("hidden_act", "\"relu\"", "a decoder of other sizes"),
      ("num_attention_heads", "4", "a decoder of other sizes"),
      ("vocab_size", "60", "a decoder of other sizes"),
      ("num_hidden_layers", "3", "has no tensor 'decoder."),
      ("num_hidden_layers", "1", "tensor 'decoder.bert.encoder.layer.1"),
    ])
  func wrongDecoder(key: String, json: String, reason: String) throws {
    let folder = try translationFolder()
    let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
    try folder.changeConfiguration { settings in
      var decoder = settings["decoder"] as? [String: Any] ?? [:]
      decoder[key] = value
      settings["decoder"] = decoder
    }
    let message = failureMessage {
      _ = try ModelArchive.loadTranslationModel(folder.url, precision: .float32)
    }
    #expect(message.hasPrefix(folder.url.path) && message.contains(reason), "\(message)")
  }
}
