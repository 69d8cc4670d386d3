import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

@Suite struct ModelArchiveTests {
  private func write(_ model: MaskedLanguageModel) throws -> ModelFolder {
    try ModelFolder { try ModelArchive.write(model, to: $0, metadata: ["cloze.corpus": "41ab"]) }
  }

  private func write(_ model: TranslationModel) throws -> ModelFolder {
    try ModelFolder {
      try ModelArchive.write(
        model, to: $0, metadata: ["cloze.corpus": "41ab"], generation: SmallModels.generation)
    }
  }

  @Test(arguments: Machine.precisions, Activation.allCases)
  func maskedLanguageModelReadsBack(precision: ElementType, activation: Activation) throws {
    var configuration = SmallModels.configuration(dropout: 0.25)
    configuration.activation = activation
    configuration.attentionDropout = 0.125
    configuration.segmentCount = 3
    configuration.normEpsilon = 1e-7
    let model = MaskedLanguageModel(configuration: configuration, precision: precision, seed: 3)
    let folder = try write(model)
    #expect(try ModelArchive.kind(of: folder.url) == .maskedLanguage)
    let (read, metadata) = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: precision)
    #expect(read.configuration == configuration)
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
    #expect(metadata == ["cloze.corpus": "41ab", "format": "pt"])
    if let copies = read.store.copies, let expected = model.store.copies {
      #expect((0..<model.store.elementCount).allSatisfy { copies[$0] == expected[$0] })
    }
  }

  @Test(arguments: [1, 3], Machine.precisions)
  func translationModelReadsBack(layerCount: Int, precision: ElementType) throws {
    let model = SmallModels.translation(precision, layerCount: layerCount, seed: 3)
    let folder = try write(model)
    #expect(try ModelArchive.kind(of: folder.url) == .translation)
    let (read, metadata) = try ModelArchive.loadTranslationModel(folder.url, precision: precision)
    #expect(read.configuration == model.configuration)
    #expect(read.decoderConfiguration == model.decoderConfiguration)
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
    #expect(metadata["cloze.corpus"] == "41ab")
  }

  /// Every parameter lies in the file once, every element of it, and nothing else does.
  @Test func everyElementIsWrittenOnce() {
    func expectComplete(_ entries: [ArchiveEntry], _ store: ParameterStore) {
      #expect(Set(entries.map(\.name)).count == entries.count)
      for parameter in store.parameters {
        let ranges = entries.filter { $0.parameter.path == parameter.path && !$0.isShared }.map(\.elements)
          .sorted { $0.lowerBound < $1.lowerBound }
        #expect(ranges.first?.lowerBound == 0)
        #expect(ranges.last?.upperBound == parameter.count)
        #expect(
          zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound }, "\(parameter.path)")
      }
    }
    let maskedLanguage = SmallModels.maskedLanguage()
    expectComplete(maskedLanguage.archiveEntries, maskedLanguage.store)
    let translation = SmallModels.translation()
    expectComplete(translation.archiveEntries, translation.store)
  }

  /// `transformers` builds the decoder with embeddings of its own: the tied ones are in the file twice, alike.
  @Test func tiedEmbeddingsAreWrittenTwiceAlike() throws {
    let model = SmallModels.translation()
    let shared = model.archiveEntries.filter(\.isShared).map(\.name)
    #expect(shared == ["decoder.bert.embeddings.word_embeddings.weight"])
    let folder = try write(model)
    let file = try TensorFile(folder.weightsURL)
    #expect(try file.floats(shared[0]) == file.floats("encoder.embeddings.word_embeddings.weight"))
  }

  @Test func tiedEmbeddingsMayBeAbsentButNotDiffer() throws {
    let model = SmallModels.translation()
    let name = "decoder.bert.embeddings.word_embeddings.weight"
    let absent = try write(model)
    try absent.changeTensors { $0[name] = nil }
    let read = try ModelArchive.loadTranslationModel(absent.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
    let different = try write(model)
    try different.changeTensors { $0[name]?.bytes[0] ^= 1 }
    let message = failureMessage {
      _ = try ModelArchive.loadTranslationModel(different.url, precision: .float32)
    }
    #expect(
      message.contains("model.safetensors: asks for a '\(name)' that is not the one it is tied to"),
      "\(message)")
  }

  /// `EncoderDecoderModel` builds a pooler, and `generate` asks for its settings. Folders from before either load as well.
  @Test func whatTransformersNeedsBesides() throws {
    let model = SmallModels.translation()
    let folder = try write(model)
    let file = try TensorFile(folder.weightsURL)
    #expect(file.entries["encoder.pooler.dense.weight"]?.shape == [24, 24])
    #expect(file.entries["encoder.pooler.dense.bias"]?.shape == [24])
    let settingsURL = folder.url.appendingPathComponent("generation_config.json")
    let settings = try JSONSerialization.jsonObject(with: Data(contentsOf: settingsURL)) as? NSDictionary
    #expect(
      settings == [
        "decoder_start_token_id": 2, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0,
        "suppress_tokens": [0, 1, 2, 4], "num_beams": 5, "length_penalty": 1.0, "early_stopping": false,
        "max_length": 32, "min_new_tokens": 1,
      ])
    try FileManager.default.removeItem(at: settingsURL)
    try folder.changeTensors { tensors in
      for name in tensors.keys where name.contains("pooler") { tensors[name] = nil }
    }
    try folder.changeConfiguration { settings in
      for key in ["eos_token_id", "decoder_start_token_id", "vocab_size"] { settings[key] = nil }
    }
    let read = try ModelArchive.loadTranslationModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
  }

  /// What `transformers` ties may be in the file, and must be alike.
  @Test func tiedOutputs() throws {
    let model = SmallModels.translation()
    for (name, source) in [
      ("decoder.cls.predictions.decoder.weight", "encoder.embeddings.word_embeddings.weight"),
      ("decoder.cls.predictions.decoder.bias", "decoder.cls.predictions.bias"),
    ] {
      let folder = try write(model)
      try folder.changeTensors { $0[name] = $0[source] }
      _ = try ModelArchive.loadTranslationModel(folder.url, precision: .float32)
      try folder.changeTensors { $0[name]?.bytes[0] ^= 1 }
      let message = failureMessage {
        _ = try ModelArchive.loadTranslationModel(folder.url, precision: .float32)
      }
      #expect(message.contains("asks for a '\(name)' that is not the one it is tied to"), "\(message)")
    }
  }

  /// A folder that `transformers` wrote, read and written again, has the same tensors.
  @Test func referenceFolderSurvives() throws {
    let model = try ModelArchive.loadMaskedLanguageModel(Fixtures.url("bert"), precision: .float32).model
    let folder = try write(model)
    let (expected, found) = (
      try TensorFile(Fixtures.url("bert/model.safetensors")), try TensorFile(folder.weightsURL)
    )
    for (name, entry) in found.entries {
      #expect(expected.entries[name]?.shape == entry.shape, "\(name)")
      #expect(try expected.floats(name) == found.floats(name), "\(name)")
    }
    #expect(found.entries.count == model.archiveEntries.count)
  }

  @Test func bfloat16WeightsAreRead() throws {
    let model = SmallModels.maskedLanguage()
    let folder = try write(model)
    try folder.changeTensors { tensors in
      for (name, tensor) in tensors {
        // The upper half of each little-endian f32.
        let halves = Data(tensor.bytes.enumerated().compactMap { $0.offset % 4 >= 2 ? $0.element : nil })
        tensors[name] = .init(type: "BF16", shape: tensor.shape, bytes: halves)
      }
    }
    let read = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store).map { $0.map { $0 & 0xFFFF_0000 } })
  }

  /// What `transformers` saves beside the masked-language model, by version and by class.
  @Test func extrasOfTransformersAreAccepted() throws {
    let model = SmallModels.maskedLanguage()
    let folder = try write(model)
    try folder.changeTensors { tensors in
      tensors["bert.embeddings.position_ids"] = .init(
        type: "I64", shape: [1, 32], bytes: Data((0..<32).flatMap { [UInt8($0), 0, 0, 0, 0, 0, 0, 0] }))
      tensors["bert.pooler.dense.weight"] = .zeros([24, 24])
      tensors["bert.pooler.dense.bias"] = .zeros([24])
      tensors["cls.seq_relationship.weight"] = .zeros([2, 24])
      tensors["cls.seq_relationship.bias"] = .zeros([2])
      tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
      tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    }
    try folder.changeConfiguration { settings in
      settings["tie_word_embeddings"] = nil
      settings["position_embedding_type"] = nil
      settings["transformers_version"] = "4.40.0"
    }
    let read = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
  }
}
