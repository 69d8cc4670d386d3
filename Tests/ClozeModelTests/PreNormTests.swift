import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for `RobertaPreLayerNorm`, whose blocks are pre-norm, in `Fixtures/pre-norm`. The
/// padding is token 3, so the table of positions begins with four rows that are not read.
@Suite struct PreNormTests {
  private static let shape = (rows: 2, length: 9)

  private func file(_ name: String) throws -> TensorFile {
    try TensorFile(Fixtures.url("pre-norm/\(name).safetensors"))
  }

  private func input(_ name: String, of file: TensorFile, segments: [Int]? = nil) throws -> EncoderInput {
    let tokens = try file.integers(name).map { Int32($0) }
    let length = tokens.count / PreNormTests.shape.rows
    return EncoderInput(
      tokens: tokens, positions: tokens.indices.map { Int32($0 % length) },
      segments: segments?.map { Int32($0) } ?? [Int32](repeating: 0, count: tokens.count),
      sequences: Sequences(lengths: Array(repeating: length, count: PreNormTests.shape.rows)))
  }

  private func maskedInput() throws -> EncoderInput {
    let reference = try file("masked")
    return try input("input_ids", of: reference, segments: reference.integers("token_type_ids"))
  }

  private func expectEqual(_ values: [Float], _ reference: TensorFile, _ name: String) throws {
    let expected = try reference.floats(name)
    try #require(values.count == expected.count)
    let difference = zip(values, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < 1e-4, "\(name): \(difference)")
  }

  private func expectGradients(
    _ entries: [ArchiveEntry], _ lane: GradientLane, _ reference: TensorFile, divisor: Int,
    fileName: (String) -> String, leadingRows: Int
  ) throws {
    for entry in entries where !entry.isShared {
      var expected = try reference.floats(fileName(entry.name))
      if entry.name.hasSuffix("position_embeddings.weight") {
        expected.removeFirst(leadingRows * entry.shape[1])
      }
      let found = lane.numbers(of: entry.parameter)[entry.elements].map { $0 / Float(divisor) }
      try #require(found.count == expected.count)
      let scale = expected.map(abs).max() ?? 0
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
      let tolerance = entry.name.hasSuffix("key.bias") ? 1e-6 : 1e-3 * scale
      #expect(difference <= tolerance, "\(entry.name): \(difference) of \(scale)")
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
    let reference = try file("masked")
    let model = try ModelArchive.loadMaskedLanguageModel(
      Fixtures.url("pre-norm/masked"), precision: .float32
    ).model
    #expect(model.configuration.normPosition == .pre && model.configuration.positionCount == 12)
    let labels = try reference.integers("labels").map { Int32(max($0, -1)) }
    let tape = Tape(store: model.store)
    let lane = GradientLane(model.store)
    lane.begin()
    tape.begin(lane: lane)
    let hidden = model.encoder(tape, try maskedInput())
    try expectEqual(model.head(tape, hidden).values(), reference, "logits")
    let result = model.head.crossEntropy(tape, hidden, labels: labels)
    tape.backward()
    lane.end()
    let count = labels.count { $0 >= 0 }
    #expect(abs(result.losses.reduce(0, +) / Float(count) - (try reference.floats("loss")[0])) < 1e-4)
    try expectGradients(
      model.archiveEntries, lane, file("masked.gradients"), divisor: count, fileName: fileName, leadingRows: 4
    )
  }

  @Test(arguments: [("sequence", LabelKind.classification), ("tokens", .tagging)])
  func classifiers(name: String, kind: LabelKind) throws {
    let model = try ModelArchive.loadClassificationModel(
      Fixtures.url("pre-norm/\(name)"), kind: kind, precision: .float32
    ).model
    let tape = Tape(store: model.store)
    tape.begin()
    let input = try maskedInput()
    let rows =
      kind == .tagging ? input.tokens.indices.map { Int32($0) } : [0, Int32(PreNormTests.shape.length)]
    try expectEqual(model.logits(tape, input, classified: rows).values(), file(name), "logits")
  }

  @Test func translator() throws {
    let reference = try file("translator")
    let model = try ModelArchive.loadTranslationModel(
      Fixtures.url("pre-norm/translator"), precision: .float32
    ).model
    let source = try input("input_ids", of: file("masked"))
    let target = try input("decoder_input_ids", of: reference)
    let labels = try reference.integers("labels").map { Int32($0) }
    let tape = Tape(store: model.store)
    let lane = GradientLane(model.store)
    lane.begin()
    tape.begin(lane: lane)
    try expectEqual(model.logits(tape, source: source, target: target).values(), reference, "logits")
    _ = model.crossEntropy(tape, source: source, target: target, labels: labels)
    tape.backward()
    lane.end()
    try expectGradients(
      model.archiveEntries, lane, file("translator.gradients"), divisor: labels.count, fileName: fileName,
      leadingRows: 4)
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

  private func settings(_ folder: URL) throws -> [String: String] {
    let data = try Data(contentsOf: folder.appendingPathComponent("config.json"))
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return object.mapValues { "\($0)" }
  }

  /// A folder that Cloze writes has the names, shapes and values of the one that it read.
  @Test(arguments: ["masked", "sequence", "tokens", "translator"])
  func writtenAsRead(name: String) throws {
    let folder = Fixtures.url("pre-norm/\(name)")
    let written = FileManager.default.temporaryDirectory.appendingPathComponent("pre-norm-\(UUID())")
    try FileManager.default.createDirectory(at: written, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: written) }
    switch name {
    case "masked":
      try ModelArchive.write(
        ModelArchive.loadMaskedLanguageModel(folder, precision: .float32).model, to: written, metadata: [:],
        padding: 3)
    case "translator":
      let tokens = GenerationSettings.Tokens(start: 1, end: 2, padding: 3, suppressed: [])
      try ModelArchive.write(
        ModelArchive.loadTranslationModel(folder, precision: .float32).model, to: written, metadata: [:],
        generation: GenerationSettings(tokens: tokens))
    default:
      try ModelArchive.write(
        ModelArchive.loadClassificationModel(folder, kind: nil, precision: .float32).model, to: written,
        metadata: [:], padding: 3)
    }
    let (before, after) = try (
      TensorFile(folder.appendingPathComponent("model.safetensors")),
      TensorFile(written.appendingPathComponent("model.safetensors"))
    )
    let names = before.entries.keys.filter { !$0.contains("pooler") }
    #expect(Set(names) == Set(after.entries.keys.filter { !$0.contains("pooler") }))
    for name in names where after.entries[name] != nil {
      #expect(try before.floats(name) == after.floats(name), "\(name)")
    }
    let (old, new) = try (settings(folder), settings(written))
    // The translator of the fixtures was saved without its class.
    for key in ["model_type", "max_position_embeddings", "architectures", "pad_token_id"]
    where old[key] != nil {
      #expect(old[key] == new[key], "\(key)")
    }
  }
}
