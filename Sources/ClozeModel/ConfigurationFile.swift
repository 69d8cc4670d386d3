internal import ClozeCompute
internal import ClozeCore
internal import Foundation

/// `config.json` as `transformers` writes it for BERT.
struct ConfigurationFile {
  let path: String
  private let settings: JSONValue

  /// Foundation would keep one of two equal keys and say nothing; `JSONValue` refuses them.
  init(_ folder: URL) throws {
    let url = folder.appendingPathComponent("config.json")
    path = url.path
    let data: Data
    do {
      data = try Data(textFile: url)
    } catch FileError.missing, FileError.notADirectory {
      throw ArchiveError.notAModelFolder(path: folder.path)
    }
    do {
      settings = try JSONValue([UInt8](data))
    } catch let error as JSONSyntaxError {
      throw ArchiveError.badConfiguration(
        path: path, reason: "is not a JSON object, it \(error.reason) at byte \(error.offset)")
    }
    guard case .object = settings else {
      throw ArchiveError.badConfiguration(path: path, reason: "is not a JSON object")
    }
  }

  private init(path: String, settings: JSONValue) {
    self.path = path
    self.settings = settings
  }

  func section(_ key: String) throws -> ConfigurationFile {
    ConfigurationFile(
      path: path, settings: try value(key, "an object", { if case .object = $0 { $0 } else { nil } }))
  }

  func string(_ key: String) throws -> String { try value(key, "text", \.string) }
  private func integer(_ key: String) throws -> Int { try value(key, "a whole number", \.integer) }
  private func number(_ key: String, default standard: Double) throws -> Double {
    try optional(key, "a number", \.number) ?? standard
  }
  private func flag(_ key: String, default standard: Bool) throws -> Bool {
    try optional(key, "true or false", \.boolean) ?? standard
  }

  private func value<Value>(_ key: String, _ name: String, _ read: (JSONValue) -> Value?) throws -> Value {
    guard let value = settings[key].flatMap(read) else {
      throw ArchiveError.badConfiguration(path: path, reason: "'\(key)' is missing or is not \(name)")
    }
    return value
  }

  /// Nil where the setting is absent or null. A value of another type is not taken for an absent one: the folder would
  /// be read as a model that it is not.
  private func optional<Value>(_ key: String, _ name: String, _ read: (JSONValue) -> Value?) throws -> Value?
  {
    guard let value = settings[key], !value.isNull else { return nil }
    guard let read = read(value) else {
      throw ArchiveError.badConfiguration(path: path, reason: "'\(key)' is not \(name)")
    }
    return read
  }

  /// The encoder that this file describes.
  ///
  /// - Parameter isDecoder: whether the file must ask for causal attention and cross-attention, or for neither.
  /// - Throws: `ArchiveError` where it asks for what Cloze does not have.
  func encoder(isDecoder: Bool = false) throws -> EncoderConfiguration {
    guard try string("model_type") == "bert" else {
      throw ArchiveError.unsupported(path: path, what: "the model type '\(try string("model_type"))'")
    }
    if let type = try optional("position_embedding_type", "text", \.string), type != "absolute" {
      throw ArchiveError.unsupported(path: path, what: "'\(type)' position embeddings")
    }
    for key in ["is_decoder", "add_cross_attention"] where try flag(key, default: false) != isDecoder {
      throw ArchiveError.unsupported(
        path: path, what: "'\(key)' \(!isDecoder) in \(isDecoder ? "a decoder" : "an encoder")")
    }
    if try !flag("tie_word_embeddings", default: true) {
      throw ArchiveError.unsupported(path: path, what: "an output that is not tied to the embeddings")
    }
    let activationName = try string("hidden_act")
    guard let activation = Activation(rawValue: activationName) else {
      throw ArchiveError.unsupported(path: path, what: "the activation '\(activationName)'")
    }
    var configuration = EncoderConfiguration()
    configuration.vocabularySize = try integer("vocab_size")
    configuration.layerCount = try integer("num_hidden_layers")
    configuration.hiddenSize = try integer("hidden_size")
    configuration.headCount = try integer("num_attention_heads")
    configuration.feedForwardSize = try integer("intermediate_size")
    configuration.positionCount = try integer("max_position_embeddings")
    configuration.segmentCount = try integer("type_vocab_size")
    configuration.activation = activation
    configuration.dropout = try number("hidden_dropout_prob", default: 0.1)
    configuration.attentionDropout = try number("attention_probs_dropout_prob", default: 0.1)
    configuration.normEpsilon = try number("layer_norm_eps", default: 1e-12)
    configuration.initializerDeviation = try number("initializer_range", default: 0.02)
    guard configuration.vocabularySize > 0 else {
      throw ArchiveError.badConfiguration(
        path: path, reason: "'vocab_size' is \(configuration.vocabularySize)")
    }
    do {
      try configuration.validate(section: "config.json")
    } catch let error as ConfigurationError {
      throw ArchiveError.badConfiguration(path: path, reason: "\(error)")
    }
    return configuration
  }

  static func settings(_ configuration: EncoderConfiguration) -> [String: Any] {
    [
      "model_type": "bert", "vocab_size": configuration.vocabularySize,
      "num_hidden_layers": configuration.layerCount, "hidden_size": configuration.hiddenSize,
      "num_attention_heads": configuration.headCount, "intermediate_size": configuration.feedForwardSize,
      "max_position_embeddings": configuration.positionCount, "type_vocab_size": configuration.segmentCount,
      "hidden_act": configuration.activation.rawValue, "hidden_dropout_prob": configuration.dropout,
      "attention_probs_dropout_prob": configuration.attentionDropout,
      "layer_norm_eps": configuration.normEpsilon, "initializer_range": configuration.initializerDeviation,
      "pad_token_id": 0, "tie_word_embeddings": true, "position_embedding_type": "absolute",
    ]
  }

  static func write(_ settings: [String: Any], to folder: URL) throws {
    let data = try JSONSerialization.data(
      withJSONObject: settings, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    try AtomicFile.write(data, to: folder.appendingPathComponent("config.json"))
  }
}
