import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// Small models of `transformers` with the values that it gives, which a script in `Fixtures` made: the folders `masked`,
/// `translator` and those of classifiers, each with a file of inputs, logits and loss beside it.
struct ReferenceModels {
  /// In `Fixtures`.
  let folder: String
  private let rowCount = 2

  func file(_ name: String) throws -> TensorFile {
    try TensorFile(Fixtures.url("\(folder)/\(name).safetensors"))
  }

  private func input(_ name: String, of file: TensorFile, segments: [Int]? = nil) throws -> EncoderInput {
    let tokens = try file.integers(name).map { Int32($0) }
    let length = tokens.count / rowCount
    return EncoderInput(
      tokens: tokens, positions: tokens.indices.map { Int32($0 % length) },
      segments: segments?.map { Int32($0) } ?? [Int32](repeating: 0, count: tokens.count),
      sequences: Sequences(lengths: Array(repeating: length, count: rowCount)))
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
    _ entries: [ArchiveEntry], _ lane: GradientLane, divisor: Int,
    expected: (ArchiveEntry) throws -> [Float]
  ) throws {
    for entry in entries where !entry.isShared {
      let expected = try expected(entry)
      let found = lane.numbers(of: entry.parameter)[entry.elements].map { $0 / Float(divisor) }
      try #require(found.count == expected.count)
      let scale = expected.map(abs).max() ?? 0
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
      let tolerance = entry.name.hasSuffix("key.bias") ? 1e-6 : 1e-3 * scale
      #expect(difference <= tolerance, "\(entry.name): \(difference) of \(scale)")
    }
  }

  /// Logits, loss and gradients of the model in `masked`.
  /// - Parameter gradient: what `transformers` gives for an entry, in the order of its rows here.
  func expectMaskedValues(
    _ model: MaskedLanguageModel, gradient: (ArchiveEntry) throws -> [Float]
  ) throws {
    let reference = try file("masked")
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
    try expectGradients(model.archiveEntries, lane, divisor: count, expected: gradient)
  }

  /// Logits of the classifier in the folder `name`.
  func expectLogits(_ name: String, _ kind: LabelKind) throws {
    let model = try ModelArchive.loadClassificationModel(
      Fixtures.url("\(folder)/\(name)"), kind: kind, precision: .float32
    ).model
    let tape = Tape(store: model.store)
    tape.begin()
    let input = try maskedInput()
    let length = input.tokens.count / rowCount
    let rows = kind == .tagging ? input.tokens.indices.map { Int32($0) } : [0, Int32(length)]
    try expectEqual(model.logits(tape, input, classified: rows).values(), file(name), "logits")
  }

  /// Logits and gradients of the model in `translator`.
  /// - Parameter gradient: what `transformers` gives for an entry, in the order of its rows here.
  func expectTranslatorValues(gradient: (ArchiveEntry) throws -> [Float]) throws {
    let reference = try file("translator")
    let model = try ModelArchive.loadTranslationModel(
      Fixtures.url("\(folder)/translator"), precision: .float32
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
    try expectGradients(model.archiveEntries, lane, divisor: labels.count, expected: gradient)
  }

  /// The folder `name`, read and written, has the names, shapes and values that it had, but for a pooler.
  func expectWrittenAsRead(_ name: String, padding: Int32) throws {
    let source = Fixtures.url("\(folder)/\(name)")
    let written = try TemporaryFolder()
    switch name {
    case "masked":
      try ModelArchive.write(
        ModelArchive.loadMaskedLanguageModel(source, precision: .float32).model, to: written.url,
        metadata: [:],
        padding: padding)
    case "translator":
      let tokens = GenerationSettings.Tokens(start: 1, end: 2, padding: padding, suppressed: [])
      try ModelArchive.write(
        ModelArchive.loadTranslationModel(source, precision: .float32).model, to: written.url, metadata: [:],
        generation: GenerationSettings(tokens: tokens))
    default:
      try ModelArchive.write(
        ModelArchive.loadClassificationModel(source, kind: nil, precision: .float32).model, to: written.url,
        metadata: [:], padding: padding)
    }
    let (before, after) = try (
      TensorFile(source.appendingPathComponent("model.safetensors")),
      TensorFile(written.url.appendingPathComponent("model.safetensors"))
    )
    let names = before.entries.keys.filter { !$0.contains("pooler") }
    #expect(Set(names) == Set(after.entries.keys.filter { !$0.contains("pooler") }))
    for name in names where after.entries[name] != nil {
      let difference = try zip(before.floats(name), after.floats(name)).map { abs($0 - $1) }.max() ?? 0
      // A table of sines is computed, everything else copied.
      #expect(difference <= (name.contains("embed_positions") ? 1e-6 : 0), "\(name): \(difference)")
      #expect(before.entries[name]?.shape == after.entries[name]?.shape, "\(name)")
    }
    let (old, new) = try (settings(source), settings(written.url))
    // The translators of the fixtures were saved without their class.
    for key in ["model_type", "max_position_embeddings", "architectures", "pad_token_id", "rotary_value"]
    where old[key] != nil {
      #expect(old[key] == new[key], "\(key)")
    }
  }

  private func settings(_ folder: URL) throws -> [String: String] {
    let data = try Data(contentsOf: folder.appendingPathComponent("config.json"))
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return object.mapValues { "\($0)" }
  }
}
