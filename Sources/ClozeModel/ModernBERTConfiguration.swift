internal import ClozeCompute
internal import ClozeCore
internal import Foundation

/// `config.json` of ModernBERT: pre-norm blocks with rotary positions, gated feed-forward layers, and local attention in all
/// but every n-th layer.
///
/// `transformers` 5 writes a type for each layer (`layer_types`) and a base for each type (`rope_parameters`). Version 4 and
/// the folders of the Hub have n (`global_attn_every_n_layers`) and two bases. Both are read, and both are written.
///
/// Source: Warner et al. 2024, "Smarter, better, faster, longer", arXiv:2412.13663; `configuration_modernbert.py` of
/// `transformers`.
extension ConfigurationFile {
  private static let types: [(name: String, mixer: MixerKind)] = [
    ("full_attention", .attention), ("sliding_attention", .localAttention),
  ]
  /// The activations of gated layers, by the names of `transformers`.
  private static let gates: [(name: String, kind: FeedForwardKind)] = [("gelu", .geglu), ("silu", .swiglu)]

  /// Missing settings have the values of ModernBERT-base, as in `transformers`.
  func modernBERT() throws -> EncoderConfiguration {
    for key in ["norm_bias", "attention_bias", "mlp_bias"] where try flag(key, default: false) {
      throw ArchiveError.unsupported(path: path, what: "biases ('\(key)')")
    }
    guard try flag("decoder_bias", default: true) else {
      throw ArchiveError.unsupported(path: path, what: "an output without a bias ('decoder_bias')")
    }
    var configuration = EncoderConfiguration()
    configuration.vocabularySize = try size("vocab_size", default: 50_368)
    configuration.layerCount = try size("num_hidden_layers", default: 22)
    configuration.hiddenSize = try size("hidden_size", default: 768)
    configuration.headCount = try size("num_attention_heads", default: 12)
    configuration.feedForwardSize = try size("intermediate_size", default: 1152)
    configuration.positionCount = try size("max_position_embeddings", default: 8192)
    configuration.localWindow = try size("local_attention", default: 128)
    configuration.activation = try activation("classifier_activation")
    configuration.dropout = try number("embedding_dropout", default: 0)
    configuration.attentionDropout = try number("attention_dropout", default: 0)
    configuration.normEpsilon = try number("norm_eps", default: 1e-5)
    configuration.initializerDeviation = try number("initializer_range", default: 0.02)
    (configuration.rotaryBase, configuration.localRotaryBase) = try rotaryBases()
    (configuration.positions, configuration.segmentCount) = (.rotary, 0)
    (configuration.hasBiases, configuration.normPosition, configuration.skipsFirstNorm) = (false, .pre, true)
    configuration.blocks = BlockPattern(try modernBlocks(layerCount: configuration.layerCount))
    return configuration
  }

  private func modernBlocks(layerCount: Int) throws -> [Block] {
    guard (1...1 << 10).contains(layerCount) else {
      throw ArchiveError.badConfiguration(path: path, reason: "'num_hidden_layers' is \(layerCount)")
    }
    let activation = try activation("hidden_activation").rawValue
    guard let kind = Self.gates.first(where: { $0.name == activation })?.kind else {
      throw ArchiveError.unsupported(path: path, what: "gated layers with the activation '\(activation)'")
    }
    if let names = try optional("layer_types", "an array", \.elements) {
      let mixers = names.compactMap { name in Self.types.first { $0.name == name.string }?.mixer }
      guard mixers.count == names.count, mixers.count == layerCount else {
        throw ArchiveError.badConfiguration(
          path: path,
          reason: "'layer_types' does not name one of full_attention, sliding_attention for each of "
            + "\(layerCount) layers")
      }
      return mixers.map { Block(mixer: $0, feedForward: kind) }
    }
    let period = try size("global_attn_every_n_layers", default: 3)
    guard period >= 1 else {
      throw ArchiveError.badConfiguration(path: path, reason: "'global_attn_every_n_layers' is \(period)")
    }
    return (0..<layerCount).map {
      Block(mixer: $0 % period == 0 ? .attention : .localAttention, feedForward: kind)
    }
  }

  private func rotaryBases() throws -> (Double, Double) {
    if let scaling = settings["rope_scaling"], !scaling.isNull {
      throw ArchiveError.unsupported(path: path, what: "scaled rotary positions ('rope_scaling')")
    }
    guard settings["rope_parameters"].map({ !$0.isNull }) ?? false else {
      return (
        try number("global_rope_theta", default: 160_000), try number("local_rope_theta", default: 10_000)
      )
    }
    let parameters = try section("rope_parameters")
    let bases = try Self.types.map { name, _ in
      let part = try parameters.section(name)
      if let type = try part.optional("rope_type", "text", \.string), type != "default" {
        throw ArchiveError.unsupported(path: path, what: "rotary positions of the kind '\(type)'")
      }
      guard let base = try part.optional("rope_theta", "a number", \.number) else {
        throw ArchiveError.badConfiguration(path: path, reason: "'rope_theta' of \(name) is missing")
      }
      return base
    }
    return (bases[0], bases[1])
  }

  /// - Parameter padding: the id of the padding token.
  static func modernSettings(_ configuration: EncoderConfiguration, padding: Int32) -> [String: Any] {
    let blocks = configuration.layerBlocks
    guard let period = configuration.globalPeriod,
      let gate = gates.first(where: { $0.kind == blocks[0].feedForward })?.name
    else { preconditionFailure("\(configuration.blocks): is no ModernBERT") }
    let (base, localBase) = (configuration.rotaryBase, configuration.localRotaryBase)
    let layerTypes = blocks.map { block in types.first { $0.mixer == block.mixer }?.name ?? "" }
    var settings: [String: Any] = [
      "model_type": Architecture.modernBERT.rawValue, "vocab_size": configuration.vocabularySize,
      "num_hidden_layers": configuration.layerCount, "hidden_size": configuration.hiddenSize,
      "num_attention_heads": configuration.headCount, "intermediate_size": configuration.feedForwardSize,
      "max_position_embeddings": configuration.positionCount, "hidden_activation": gate,
      "classifier_activation": configuration.activation.rawValue,
      "embedding_dropout": configuration.dropout, "mlp_dropout": configuration.dropout,
      "attention_dropout": configuration.attentionDropout, "norm_eps": configuration.normEpsilon,
      "initializer_range": configuration.initializerDeviation, "norm_bias": false, "attention_bias": false,
      "mlp_bias": false, "decoder_bias": true, "local_attention": configuration.localWindow,
      "global_attn_every_n_layers": period, "layer_types": layerTypes, "global_rope_theta": base,
      "local_rope_theta": localBase, "pad_token_id": padding, "tie_word_embeddings": true,
    ]
    settings["rope_parameters"] = [
      "full_attention": ["rope_theta": base, "rope_type": "default"] as [String: Any],
      "sliding_attention": ["rope_theta": localBase, "rope_type": "default"],
    ]
    // Their defaults are ids of ModernBERT's own vocabulary, which a smaller one does not have.
    for key in ["bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"] { settings[key] = NSNull() }
    return settings
  }
}

extension EncoderConfiguration {
  /// n, if the layers 0, n, 2n … have attention and all others local attention, and all have one feed-forward kind; else nil.
  var globalPeriod: Int? {
    let blocks = layerBlocks
    guard blocks.allSatisfy({ $0.feedForward == blocks[0].feedForward }) else { return nil }
    return (1...blocks.count).first { period in
      blocks.enumerated().allSatisfy { $1.mixer == ($0 % period == 0 ? .attention : .localAttention) }
    }
  }
}
