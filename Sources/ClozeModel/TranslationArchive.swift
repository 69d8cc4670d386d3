package import ClozeCompute
internal import ClozeCore
package import Foundation

// Translators among the model folders.
extension ModelArchive {
  package static func loadTranslationModel(
    _ folder: URL, precision: ElementType
  ) throws -> (model: TranslationModel, metadata: [String: String]) {
    try require(.translation, folder)
    let file = try ConfigurationFile(folder)
    let model = try declaredTranslationModel(folder, precision: precision)
    let weights = try ModelWeights(folder)
    guard try file.section("decoder").tiesOutput() || weights.contains("decoder." + TensorNaming.outputTable)
    else {
      throw ArchiveError.unsupported(path: file.path, what: "an output that is not tied to the embeddings")
    }
    try load(model.archiveEntries, tied: model.tiedEntries, from: weights, into: model.store)
    return (model, weights.metadata)
  }

  /// Checks the special tokens that a translator's `config.json` names.
  ///
  /// - Parameter tokens: those of the tokenizer beside it.
  /// - Throws: `ArchiveError.unsupported`
  package static func check(_ tokens: GenerationSettings.Tokens, in folder: URL) throws {
    let file = try ConfigurationFile(folder)
    for (key, expected) in [
      ("decoder_start_token_id", tokens.start), ("eos_token_id", tokens.end),
      ("pad_token_id", tokens.padding),
    ] {
      guard let found = try file.optional(key, "a whole number", \.integer), found != Int(expected) else {
        continue
      }
      throw ArchiveError.unsupported(
        path: file.path, what: "\(key) \(found), where the tokenizer beside it has \(expected)")
    }
  }

  /// The model that a translator's `config.json` describes.
  static func declaredTranslationModel(_ folder: URL, precision: ElementType) throws -> TranslationModel {
    let file = try ConfigurationFile(folder)
    let encoder = try file.section("encoder").encoder()
    let decoder = try file.section("decoder").encoder(isDecoder: true)
    let sizes = DecoderConfiguration(layerCount: decoder.layerCount, blocks: decoder.blocks)
    var same = decoder
    // These three say how a model is trained, and a start has them from its settings.
    (same.dropout, same.attentionDropout) = (encoder.dropout, encoder.attentionDropout)
    same.initializerDeviation = encoder.initializerDeviation
    guard same == sizes.sizes(encoder) else {
      throw ArchiveError.unsupported(path: file.path, what: "a decoder of other sizes than the encoder's")
    }
    do {
      try sizes.validate(encoder, section: "config.json.decoder")
    } catch let error as ConfigurationError {
      throw ArchiveError.badConfiguration(path: file.path, reason: "\(error)")
    }
    return TranslationModel(declaring: encoder, decoder: sizes, precision: precision)
  }

  /// Writes the folder so that `EncoderDecoderModel` loads it without a key missing, and its `generate` searches with the beam, the
  /// penalty and the least length of `translate`. The two differ at the length limit, which `generate` has from the longest
  /// source, and in that `translate` prefers hypotheses that ended to those that were cut there.
  ///
  /// - Parameter generation: the tokens and the search.
  package static func write(
    _ model: TranslationModel, to folder: URL, metadata: [String: String], generation: GenerationSettings
  ) throws {
    let tokens = generation.tokens
    // Encoder and decoder are of one architecture, which tells how the tensors are named.
    let architecture =
      model.decoderSizes.architecture == .cloze ? .cloze : model.configuration.architecture.ofTranslator
    let encoder = ConfigurationFile.settings(
      model.configuration, as: architecture, padding: tokens.padding)
    var decoder = ConfigurationFile.settings(
      model.decoderSizes, as: architecture, padding: tokens.padding)
    decoder["is_decoder"] = true
    decoder["add_cross_attention"] = true
    try ConfigurationFile.write(
      [
        "model_type": ConfigurationFile.encoderDecoderType, "architectures": ["EncoderDecoderModel"],
        "is_encoder_decoder": true,
        "encoder": encoder, "decoder": decoder, "pad_token_id": tokens.padding, "eos_token_id": tokens.end,
        "decoder_start_token_id": tokens.start, "vocab_size": model.configuration.vocabularySize,
      ], to: folder)
    try ConfigurationFile.write(
      generation.file(positionCount: model.configuration.positionCount), to: folder,
      as: "generation_config.json")
    // `EncoderDecoderModel` has a pooler that it does not use. Without its tensors, the load report of `transformers`
    // would list them as missing.
    let width = model.configuration.hiddenSize
    let pooler = [Float](repeating: 0, count: width * width)
    let naming = TensorNaming(
      architecture, isEncoderDecoder: true, padding: tokens.padding, headWidth: model.configuration.headWidth)
    try pooler.withUnsafeBufferPointer { pooler in
      let poolers: [ArchivedTensor] = [
        ("encoder.pooler.dense.weight", [width, width], pooler),
        ("encoder.pooler.dense.bias", [width], UnsafeBufferPointer(rebasing: pooler[..<width])),
      ]
      try RoFormerTensors.withPositions(
        model.configuration, as: architecture, ["encoder.", "decoder.roformer."]
      ) { positions in
        try write(
          model.archiveEntries, of: model.store, to: folder, metadata: metadata, naming: naming,
          besides: architecture == .roFormer ? positions : poolers)
      }
    }
  }
}
