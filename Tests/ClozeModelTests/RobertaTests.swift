import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for the RoBERTa in `Fixtures/roberta`, and its folders. The padding is token 1, so the
/// table of positions begins with two rows that are not read.
@Suite struct RobertaTests {
  private let fixture: ReferenceEncoder
  private var model: MaskedLanguageModel { fixture.model }

  init() throws { fixture = try ReferenceEncoder("roberta") }

  /// The name of a tensor of `ArchiveEntry` in the file, by a list apart from the code's.
  private func fileName(_ name: String) -> String {
    let pairs = [
      ("cls.predictions.transform.LayerNorm", "lm_head.layer_norm"),
      ("cls.predictions.transform.dense", "lm_head.dense"), ("cls.predictions.", "lm_head."),
    ]
    let renamed = pairs.reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    return renamed.hasPrefix("bert.")
      ? "ro" + renamed.replacingOccurrences(of: "bert.", with: "berta.") : renamed
  }

  @Test func settings() throws {
    let configuration = model.configuration
    #expect(configuration.family == .roberta && configuration.normPosition == .post)
    #expect(configuration.positionCount == 40 && configuration.segmentCount == 1)
    #expect(configuration.normEpsilon == 1e-5)
    // The reference's own positions are those of the input, behind the rows for the padding.
    #expect(try fixture.integers("position_ids") == fixture.input.positions.map { Int($0) + 2 })
  }

  @Test func hiddenStatesAndLogits() throws {
    try #require(fixture.input.sequences == Sequences(lengths: [26, 15, 7]))
    try fixture.expectHiddenStatesAndLogits()
  }

  @Test func lossAndEveryGradient() throws {
    try fixture.expectLossAndGradients(leadingRows: 2, fileName: fileName)
  }

  /// A folder that Cloze writes has the names, shapes and values of the one that it read, but for the rows that no token reads.
  @Test func writtenAsRead() throws {
    let written = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:], padding: 1) }
    let (before, after) = try (
      TensorFile(fixture.folder.appendingPathComponent("model.safetensors")), TensorFile(written.weightsURL)
    )
    #expect(Set(before.entries.keys) == Set(after.entries.keys))
    for (name, entry) in before.entries {
      #expect(after.entries[name]?.shape == entry.shape)
      let unread = name.hasSuffix("position_embeddings.weight") ? 2 * 32 : 0
      #expect(try before.floats(name).dropFirst(unread) == after.floats(name).dropFirst(unread), "\(name)")
    }
    func settings(_ url: URL) throws -> NSDictionary {
      try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? NSDictionary)
    }
    let (old, new) = try (
      settings(fixture.folder.appendingPathComponent("config.json")), settings(written.configurationURL)
    )
    for (key, value) in old {
      guard let found = new[key] else { continue }
      #expect(found as? NSObject == value as? NSObject, "\(key)")
    }
    #expect(new["architectures"] as? [String] == ["RobertaForMaskedLM"])
  }

  /// A translator and a classifier that start from it are RoBERTa's, too, and are read as they were written.
  @Test func otherModelsStartFromIt() throws {
    func names(_ folder: ModelFolder) throws -> Set<String> {
      Set(try TensorFile(folder.weightsURL).entries.keys)
    }
    let sizes = try ModelArchive.encoderConfiguration(fixture.folder)
    let translator = TranslationModel(
      declaring: sizes, decoder: DecoderConfiguration(layerCount: 1), precision: .float32)
    _ = try ModelArchive.start(translator, from: fixture.folder, seed: 1)
    let tape = Tape(store: translator.store)
    tape.begin()
    try fixture.expectEqual(translator.encoder(tape, fixture.input).values(), "last_hidden_state")
    let folder = try ModelFolder {
      try ModelArchive.write(translator, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let read = try ModelArchive.loadTranslationModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(translator.store))
    for name in [
      "encoder.embeddings.word_embeddings.weight",
      "decoder.roberta.encoder.layer.0.crossattention.self.key.bias",
      "decoder.lm_head.layer_norm.weight",
    ] { #expect(try names(folder).contains(name), "\(name)") }

    let classifier = ClassificationModel(
      declaring: sizes, kind: .classification, labels: ["a", "b"], precision: .float32)
    _ = try ModelArchive.start(classifier, from: fixture.folder, seed: 1)
    let other = try ModelFolder { try ModelArchive.write(classifier, to: $0, metadata: [:], padding: 1) }
    let again = try ModelArchive.loadClassificationModel(other.url, kind: nil, precision: .float32).model
    #expect(SmallModels.bits(again.store) == SmallModels.bits(classifier.store))
    #expect(try names(other).isSuperset(of: ["classifier.dense.weight", "classifier.out_proj.bias"]))
  }

  /// BERT and RoBERTa compute the same, so each starts from the other.
  @Test func bertStartsFromIt() throws {
    var sizes = try ModelArchive.encoderConfiguration(fixture.folder)
    sizes.family = .bert
    let model = MaskedLanguageModel(declaring: sizes, precision: .float32)
    let origins = try ModelArchive.start(model, from: fixture.folder, seed: 1)
    #expect(origins.allSatisfy { $0.origin != .new })
    let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
    #expect(
      try TensorFile(folder.weightsURL).entries["bert.embeddings.position_embeddings.weight"]?.shape == [
        40, 32,
      ])
  }
}
