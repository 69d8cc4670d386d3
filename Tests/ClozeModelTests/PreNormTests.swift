import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for `RobertaPreLayerNorm`, whose blocks are pre-norm, in `Fixtures/pre-norm`. The
/// padding is token 3, so the table of positions begins with four rows that are not read.
@Suite struct PreNormTests {
  private let reference = ReferenceModels(folder: "pre-norm")

  /// The gradients of the file, without the rows of the table of positions that are not read.
  private func gradient(_ file: TensorFile) -> (ArchiveEntry) throws -> [Float] {
    { entry in
      let all = try file.floats(fileName(entry.name))
      return Array(all.dropFirst(entry.name.hasSuffix("position_embeddings.weight") ? 4 * entry.shape[1] : 0))
    }
  }

  /// The name of a tensor of `ArchiveEntry` in the file, by a list apart from the code's.
  private func fileName(_ name: String) -> String {
    let pairs = [
      ("bert.encoder.LayerNorm", "roberta_prelayernorm.LayerNorm"),
      ("attention.output.LayerNorm", "attention.LayerNorm"),
      ("cls.predictions.transform.LayerNorm", "lm_head.layer_norm"),
      ("cls.predictions.transform.dense", "lm_head.dense"), ("cls.predictions.", "lm_head."),
    ]
    var name = name
    for (archive, file) in pairs { name = name.replacingOccurrences(of: archive, with: file) }
    if name.hasPrefix("encoder.encoder.LayerNorm") { name.removeFirst("encoder.".count) }
    if !name.contains("attention.") {
      name = name.replacingOccurrences(of: ".output.LayerNorm", with: ".intermediate.LayerNorm")
    }
    return name.replacingOccurrences(of: "bert.", with: "roberta_prelayernorm.")
  }

  @Test func maskedLanguageModel() throws {
    let model = try ModelArchive.loadMaskedLanguageModel(
      Fixtures.url("pre-norm/masked"), precision: .float32
    ).model
    #expect(model.configuration.normPosition == .pre && model.configuration.positionCount == 12)
    try reference.expectMaskedValues(model, gradient: gradient(reference.file("masked.gradients")))
  }

  @Test(arguments: [("sequence", LabelKind.classification), ("tokens", .tagging)])
  func classifiers(name: String, kind: LabelKind) throws {
    try reference.expectLogits(name, kind)
  }

  @Test func translator() throws {
    try reference.expectTranslatorValues(gradient: gradient(reference.file("translator.gradients")))
  }

  /// An encoder that was saved by itself starts a masked-language model, and every tensor of it is found.
  @Test func bareEncoderStarts() throws {
    let folder = Fixtures.url("pre-norm/encoder")
    let model = MaskedLanguageModel(
      declaring: try ModelArchive.encoderConfiguration(folder), precision: .float32)
    let table = try ModelArchive.start(model, from: folder, seed: 1)
    #expect(table.filter { $0.entry.name.hasPrefix("bert.") }.allSatisfy { $0.origin != .new })
    #expect(table.contains { $0.origin == .loaded(from: "LayerNorm.weight") })
  }

  /// Numbers that leave no position, or overflow, are refused by name.
  @Test(arguments: [
    ("max_position_embeddings", "16", "4", "'max_position_embeddings' is 4, and the first 4"),
    ("max_position_embeddings", "16", "-9223372036854775808", "'max_position_embeddings' is -92233"),
    ("pad_token_id", "3", "-1", "'pad_token_id' is -1"),
    ("pad_token_id", "3", "9223372036854775807", "'pad_token_id' is 92233"),
    ("max_position_embeddings", "16", "20", "position_embeddings"),
  ])
  func hostileSettings(key: String, old: String, new: String, message: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixtures.url("pre-norm/masked")
    let settings = try String(contentsOf: source.appendingPathComponent("config.json"), encoding: .utf8)
    #expect(settings.contains("\"\(key)\": \(old)"))
    try settings.replacingOccurrences(of: "\"\(key)\": \(old)", with: "\"\(key)\": \(new)")
      .write(to: folder.url.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
    try FileManager.default.copyItem(
      at: source.appendingPathComponent("model.safetensors"),
      to: folder.url.appendingPathComponent("model.safetensors"))
    let found = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(found.contains(message), "\(found)")
  }

  @Test func postNormModelRefusesPreNormFolder() throws {
    let folder = Fixtures.url("pre-norm/masked")
    var configuration = try ModelArchive.encoderConfiguration(folder)
    configuration.normPosition = .post
    let model = MaskedLanguageModel(declaring: configuration, precision: .float32)
    let error = #expect(throws: ArchiveError.self) { try ModelArchive.start(model, from: folder, seed: 1) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("normPosition pre, the new model post"))
  }

  /// A folder that Cloze writes has the names, shapes and values of the one that it read.
  @Test(arguments: ["masked", "sequence", "tokens", "translator"])
  func writtenAsRead(name: String) throws {
    try reference.expectWrittenAsRead(name, padding: 3)
  }
}
