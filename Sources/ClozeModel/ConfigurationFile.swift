internal import ClozeCompute
internal import ClozeCore
internal import Foundation

/// `config.json`, as `transformers` writes it for the architectures that it has.
struct ConfigurationFile {
  static let encoderDecoderType = "encoder-decoder"

  let path: String
  let settings: JSONValue

  /// Foundation's reader would silently keep one of two equal keys; `JSONValue` refuses them.
  init(_ folder: URL) throws {
    let url = folder.appendingPathComponent("config.json")
    path = url.path
    let data: Data
    do {
      data = try Data(textFile: url)
    } catch FileError.missing, FileError.notADirectory {
      if FileManager.default.fileExists(atPath: folder.appendingPathComponent("bert_config.json").path) {
        throw ArchiveError.originalRelease(folder: folder.path)
      }
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

  /// The architecture. Configurations from before `transformers` wrote it name BERT's classes, or have BERT's sizes.
  func modelType() throws -> String {
    if settings["model_type"] == nil {
      let isBERT = modelClass?.hasPrefix("Bert") ?? (settings["num_hidden_layers"] != nil)
      if isBERT && settings["encoder"] == nil { return "bert" }
    }
    return try value("model_type", "text", \.string)
  }

  /// The class of `transformers` that wrote the folder, if the file states it.
  var modelClass: String? {
    guard case .array(let names)? = settings["architectures"], let name = names.first?.string, !name.isEmpty,
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
    else { return nil }
    return name
  }

  /// Whether the output layer shares the token embeddings.
  func tiesOutput() throws -> Bool { try flag("tie_word_embeddings", default: true) }

  /// Missing sizes have the values of the architecture's class in `transformers`.
  func size(_ key: String, default standard: Int) throws -> Int {
    settings[key] == nil ? standard : try value(key, "a whole number", \.integer)
  }
  func number(_ key: String, default standard: Double) throws -> Double {
    try optional(key, "a number", \.number) ?? standard
  }
  func flag(_ key: String, default standard: Bool) throws -> Bool {
    try optional(key, "true or false", \.boolean) ?? standard
  }

  func activation(_ key: String) throws -> Activation {
    let name = settings[key] == nil ? "gelu" : try value(key, "text", \.string)
    guard let activation = Activation(transformersName: name) else {
      throw ArchiveError.unsupported(path: path, what: "the activation '\(name)'")
    }
    return activation
  }

  private func value<Value>(_ key: String, _ name: String, _ read: (JSONValue) -> Value?) throws -> Value {
    guard let value = settings[key].flatMap(read) else {
      throw ArchiveError.badConfiguration(path: path, reason: "'\(key)' is missing or is not \(name)")
    }
    return value
  }

  /// nil if the setting is absent or null. A value of another type is an error, since ignoring it would read the folder
  /// as another model.
  func optional<Value>(_ key: String, _ name: String, _ read: (JSONValue) -> Value?) throws -> Value? {
    guard let value = settings[key], !value.isNull else { return nil }
    guard let read = read(value) else {
      throw ArchiveError.badConfiguration(path: path, reason: "'\(key)' is not \(name)")
    }
    return read
  }

  /// The encoder that this file describes.
  ///
  /// - Parameter isDecoder: whether the file must have causal attention and cross-attention, or neither.
  /// - Throws: `ArchiveError` for a setting that Cloze does not support.
  func encoder(isDecoder: Bool = false) throws -> EncoderConfiguration {
    guard let architecture = try architecture() else {
      throw ArchiveError.unsupported(path: path, what: "the model type '\(try modelType())'")
    }
    if let type = try optional("position_embedding_type", "text", \.string), type != "absolute" {
      throw ArchiveError.unsupported(path: path, what: "'\(type)' position embeddings")
    }
    for key in ["is_decoder", "add_cross_attention"] where try flag(key, default: false) != isDecoder {
      throw ArchiveError.unsupported(
        path: path, what: "'\(key)' \(!isDecoder) in \(isDecoder ? "a decoder" : "an encoder")")
    }
    if let heads = try optional("pruned_heads", "an object", \.members), !heads.isEmpty {
      throw ArchiveError.unsupported(path: path, what: "pruned attention heads ('pruned_heads')")
    }
    if let quantization = settings["quantization_config"], !quantization.isNull {
      throw ArchiveError.unsupported(path: path, what: "quantized weights ('quantization_config')")
    }
    let configuration = try architecture == .modernBERT ? modernBERT() : bert(architecture)
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

  /// BERT, or a model that has its keys among others.
  private func bert(_ architecture: Architecture) throws -> EncoderConfiguration {
    var configuration = EncoderConfiguration()
    configuration.family = architecture == .roberta ? .roberta : .bert
    configuration.vocabularySize = try size(
      "vocab_size",
      default: [.roberta, .robertaPreLayerNorm].contains(architecture)
        ? 50_265 : architecture == .roFormer ? 50_000 : 30_522)
    configuration.layerCount = try size("num_hidden_layers", default: 12)
    let isElectra = architecture == .electra
    if architecture == .roFormer, try flag("rotary_value", default: false) {
      throw ArchiveError.unsupported(path: path, what: "rotated values ('rotary_value')")
    }
    configuration.hiddenSize = try size("hidden_size", default: isElectra ? 256 : 768)
    configuration.headCount = try size("num_attention_heads", default: isElectra ? 4 : 12)
    configuration.feedForwardSize = try size("intermediate_size", default: isElectra ? 1024 : 3072)
    if isElectra || architecture == .cloze || architecture == .roFormer {
      let embeddingSize = try size("embedding_size", default: isElectra ? 128 : configuration.hiddenSize)
      // 0 means the hidden size in the settings alone.
      guard embeddingSize > 0 else {
        throw ArchiveError.badConfiguration(path: path, reason: "'embedding_size' is \(embeddingSize)")
      }
      configuration.embeddingSize = embeddingSize == configuration.hiddenSize ? 0 : embeddingSize
    }
    configuration.positionCount = try positionCount()
    configuration.segmentCount = try size("type_vocab_size", default: 2)
    configuration.activation = try activation("hidden_act")
    configuration.dropout = try number("hidden_dropout_prob", default: 0.1)
    configuration.attentionDropout = try number("attention_probs_dropout_prob", default: 0.1)
    configuration.normPosition = architecture == .robertaPreLayerNorm ? .pre : .post
    configuration.normEpsilon = try number("layer_norm_eps", default: 1e-12)
    configuration.initializerDeviation = try number("initializer_range", default: 0.02)
    if architecture == .roFormer {
      (configuration.positions, configuration.rotaryBase) = (.rotary, EncoderConfiguration.roFormerBase)
    }
    if architecture == .cloze {
      try readBlocks(into: &configuration)
    } else if configuration.segmentCount == 0 {
      throw ArchiveError.unsupported(path: path, what: "no segments ('type_vocab_size' 0)")
    }
    return configuration
  }

  /// The settings that BERT's `config.json` does not have.
  private func readBlocks(into configuration: inout EncoderConfiguration) throws {
    configuration.positions = try value("positions", "one of learned, rotary") {
      $0.string.flatMap(PositionEncoding.init(rawValue:))
    }
    configuration.rotaryBase = try value("rotary_base", "a number", \.number)
    configuration.localRotaryBase = try value("local_rotary_base", "a number", \.number)
    configuration.hasBiases = try value("has_biases", "true or false", \.boolean)
    configuration.skipsFirstNorm = try value("skips_first_norm", "true or false", \.boolean)
    configuration.blocks = BlockPattern(try value("blocks", "text", \.string))
    configuration.localWindow = try value("local_window", "a whole number", \.integer)
    configuration.recurrentCell = try value("recurrent_cell", "one of gru, lstm") {
      $0.string.flatMap(RecurrentCell.init(rawValue:))
    }
    configuration.gateReach = try value("gate_reach", "a whole number", \.integer)
    configuration.normPosition = try value("norm_position", "one of post, pre") {
      $0.string.flatMap(NormPosition.init(rawValue:))
    }
  }

  /// nil if the file describes no encoder that Cloze knows.
  func architecture() throws -> Architecture? { Architecture(rawValue: try modelType()) }

  /// The width of a RoFormer's heads.
  func rotaryHeadWidth() throws -> Int {
    let (width, heads) = try (size("hidden_size", default: 768), size("num_attention_heads", default: 12))
    guard heads > 0, width > 0, width.isMultiple(of: heads), (width / heads).isMultiple(of: 2) else {
      throw ArchiveError.badConfiguration(
        path: path,
        reason: "'hidden_size' is \(width), not a multiple of twice 'num_attention_heads', \(heads)")
    }
    return width / heads
  }

  /// The positions that a token can have.
  private func positionCount() throws -> Int {
    let standard = try architecture() == .roFormer ? 1536 : 512
    let (rows, leading) = try (size("max_position_embeddings", default: standard), leadingPositions())
    guard leading == 0 || rows > leading else {
      throw ArchiveError.badConfiguration(
        path: path,
        reason: "'max_position_embeddings' is \(rows), and the first \(leading) are for the padding")
    }
    return rows - leading
  }

  /// The rows of the table of positions before the first token's, see `TensorNaming`.
  func leadingPositions() throws -> Int {
    guard try architecture()?.robertaPrefix != nil else { return 0 }
    let padding = try size("pad_token_id", default: 1)
    guard (0..<1 << 20).contains(padding) else {
      throw ArchiveError.badConfiguration(path: path, reason: "'pad_token_id' is \(padding)")
    }
    return padding + 1
  }

  /// - Parameter padding: the id of the padding token.
  static func settings(
    _ configuration: EncoderConfiguration, as architecture: Architecture, padding: Int32
  ) -> [String: Any] {
    if architecture == .modernBERT { return modernSettings(configuration, padding: padding) }
    var settings: [String: Any] = [
      "model_type": architecture.rawValue, "vocab_size": configuration.vocabularySize,
      "num_hidden_layers": configuration.layerCount, "hidden_size": configuration.hiddenSize,
      "num_attention_heads": configuration.headCount, "intermediate_size": configuration.feedForwardSize,
      "max_position_embeddings": configuration.positionCount
        + TensorNaming(architecture, padding: padding).leadingPositions,
      "type_vocab_size": configuration.segmentCount,
      "hidden_act": configuration.activation.rawValue, "hidden_dropout_prob": configuration.dropout,
      "attention_probs_dropout_prob": configuration.attentionDropout,
      "layer_norm_eps": configuration.normEpsilon, "initializer_range": configuration.initializerDeviation,
      "pad_token_id": padding, "tie_word_embeddings": true, "position_embedding_type": "absolute",
    ]
    if architecture == .roFormer { settings["rotary_value"] = false }
    if architecture == .electra || architecture == .roFormer
      || configuration.embeddingWidth != configuration.hiddenSize
    {
      settings["embedding_size"] = configuration.embeddingWidth
    }
    if architecture == .cloze {
      settings["blocks"] = configuration.blocks.description
      settings["local_window"] = configuration.localWindow
      settings["recurrent_cell"] = configuration.recurrentCell.rawValue
      settings["gate_reach"] = configuration.gateReach
      settings["positions"] = configuration.positions.rawValue
      settings["rotary_base"] = configuration.rotaryBase
      settings["local_rotary_base"] = configuration.localRotaryBase
      settings["has_biases"] = configuration.hasBiases
      settings["skips_first_norm"] = configuration.skipsFirstNorm
      settings["norm_position"] = configuration.normPosition.rawValue
    }
    return settings
  }

  static func write(_ settings: [String: Any], to folder: URL, as name: String = "config.json") throws {
    let data = try JSONSerialization.data(
      withJSONObject: settings, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    try AtomicFile.write(data, to: folder.appendingPathComponent(name))
  }
}
