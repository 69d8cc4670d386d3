import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// BERTs of every kind that `transformers` saves, in `Fixtures/models`, against what it computes with them.
@Suite struct TransformersModelTests {
  private static let heads = [
    "old-names", "padded", "sharded", "float16", "bfloat16", "float64", "untied", "output-bias", "mish",
    "pytorch-tanh", "pretraining",
  ]
  private static let headless = ["bare", "prefixed", "next-sentence", "classifier", "tagger", "answers"]

  private func reference(_ name: String) throws -> (input: EncoderInput, file: TensorFile) {
    let file = try TensorFile(Fixtures.url("models/\(name)/expected.safetensors"))
    let ids = try file.integers("input_ids").map { Int32($0) }
    let length = file.entries["input_ids"]?.shape[1] ?? ids.count
    return (
      EncoderInput(
        sequences: stride(from: 0, to: ids.count, by: length).map { Array(ids[$0..<$0 + length]) }), file
    )
  }

  private func expectEqual(_ tensor: Tensor, _ file: TensorFile, _ name: String) throws {
    let expected = try file.floats(name)
    try #require(tensor.count == expected.count)
    let difference = zip(tensor.values(), expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < 1e-4, "\(name): \(difference)")
  }

  @Test(arguments: heads) func hiddenStatesAndLogits(name: String) throws {
    let model = try ModelArchive.loadMaskedLanguageModel(Fixtures.url("models/\(name)"), precision: .float32)
      .model
    #expect(model.tiesOutput == (name != "untied"))
    let (input, file) = try reference(name)
    let tape = Tape(store: model.store)
    tape.begin()
    let hidden = model.encoder(tape, input)
    try expectEqual(hidden, file, "last_hidden_state")
    try expectEqual(model.head(tape, hidden), file, "logits")
  }

  /// Whatever head a BERT has, its encoder starts a translator.
  @Test(arguments: heads + headless) func everyEncoderStartsATranslator(name: String) throws {
    let folder = Fixtures.url("models/\(name)")
    let model = TranslationModel(
      declaring: try ModelArchive.encoderConfiguration(folder), decoder: DecoderConfiguration(layerCount: 1),
      precision: .float32)
    let table = try ModelArchive.start(model, from: folder, seed: 3)
    let (input, file) = try reference(name)
    let tape = Tape(store: model.store)
    tape.begin()
    try expectEqual(model.encoder(tape, input), file, "last_hidden_state")
    for (entry, origin) in table where entry.name.hasPrefix("encoder.") || entry.name.contains("embeddings.")
    {
      #expect(origin != .new, "\(entry.name)")
    }
    let bias = table.first { $0.entry.name == "decoder.cls.predictions.bias" }
    #expect((bias?.origin == .new) == Self.headless.contains(name))
  }

  /// A masked-language model that starts from a folder computes what the folder's model does; a head that is not there is new.
  @Test(arguments: heads + headless) func everyFolderStartsAMaskedLanguageModel(name: String) throws {
    let folder = Fixtures.url("models/\(name)")
    let tiesOutput = try ModelArchive.tiesOutput(folder)
    #expect(tiesOutput == (name != "untied"))
    let model = MaskedLanguageModel(
      declaring: try ModelArchive.encoderConfiguration(folder), precision: .float32, tiesOutput: tiesOutput)
    let table = try ModelArchive.start(model, from: folder, seed: 3)
    let (input, file) = try reference(name)
    let tape = Tape(store: model.store)
    tape.begin()
    let hidden = model.encoder(tape, input)
    try expectEqual(hidden, file, "last_hidden_state")
    let new = table.filter { $0.origin == .new }.map(\.entry.name)
    #expect(new.allSatisfy { $0.hasPrefix("cls.predictions.") })
    #expect(new.isEmpty == Self.heads.contains(name))
    if new.isEmpty { try expectEqual(model.head(tape, hidden), file, "logits") }
  }

  @Test(arguments: headless) func anEncoderWithoutAHeadSaysSo(name: String) throws {
    let folder = Fixtures.url("models/\(name)")
    let message = failureMessage { _ = try ModelArchive.loadMaskedLanguageModel(folder, precision: .float32) }
    #expect(
      message.hasPrefix("\(folder.path): is an encoder without a masked-language head (Bert"), "\(message)")
    #expect(message.contains("; start a translator from it with finetune --model"), "\(message)")
  }

  @Test(arguments: [
    ("pretraining", []), ("bare", []), ("classifier", ["classifier.bias", "classifier.weight"]),
    ("answers", ["qa_outputs.bias", "qa_outputs.weight"]),
  ])
  func tensorsOfOtherHeadsAreNamed(name: String, expected: [String]) throws {
    #expect(try ModelArchive.unreadTensors(Fixtures.url("models/\(name)")) == expected)
  }

  @Test func anUntiedModelIsWrittenAndReadBack() throws {
    let model = try ModelArchive.loadMaskedLanguageModel(Fixtures.url("models/untied"), precision: .float32)
      .model
    let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
    let read = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
  }
}
