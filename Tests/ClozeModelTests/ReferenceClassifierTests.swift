import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for the two classifiers in `Fixtures/classification`.
@Suite struct ReferenceClassifierTests {
  /// Texts by themselves, in pairs, and words: the model's folder, the tensors' prefix, and the gradients' file.
  enum Reference: CaseIterable {
    case single, pair, tokens

    var kind: LabelKind { self == .tokens ? .tagging : .classification }
    var folder: String { self == .tokens ? "classification/tokens" : "classification/sequence" }
    var prefix: String { self == .tokens ? "" : "\(self)." }
    var gradients: String { self == .tokens ? "\(folder).gradients" : "\(folder).\(self).gradients" }
  }

  /// A batch without its padding: the rows that there are, and which of them the reference has a logit for.
  private struct Batch {
    let input: EncoderInput
    let classified: [Int32]
    let labels: [Int32]
    /// Of the classified rows, in the reference's rows.
    let rows: [Int]
  }

  private func batch(_ reference: Reference, _ file: TensorFile) throws -> Batch {
    let prefix = reference.prefix
    let shape = try #require(file.entries[prefix + "input_ids"]?.shape)
    let (count, length) = (shape[0], shape[1])
    func read(_ name: String) throws -> [Int] { try file.integers(prefix + name).map { Int($0) } }
    let (ids, mask, segments) = (
      try read("input_ids"), try read("attention_mask"), try read("token_type_ids")
    )
    let labels = try read("labels")
    let lengths = (0..<count).map { row in mask[row * length..<(row + 1) * length].reduce(0, +) }
    let kept = (0..<count).flatMap { row in (0..<lengths[row]).map { row * length + $0 } }
    let offsets = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    let isSequence = reference.kind == .classification
    return Batch(
      input: EncoderInput(
        tokens: kept.map { Int32(ids[$0]) }, positions: kept.map { Int32($0 % length) },
        segments: kept.map { Int32(segments[$0]) }, sequences: Sequences(lengths: lengths)),
      classified: isSequence ? offsets.dropLast().map { Int32($0) } : kept.indices.map { Int32($0) },
      labels: isSequence ? labels.map { Int32($0) } : kept.map { Int32(max(labels[$0], -1)) },
      rows: isSequence ? Array(0..<count) : kept)
  }

  private func load(_ reference: Reference) throws -> (ClassificationModel, TensorFile) {
    let model = try ModelArchive.loadClassificationModel(
      Fixtures.url(reference.folder), kind: reference.kind, precision: .float32
    ).model
    return (model, try TensorFile(Fixtures.url(reference.folder + ".safetensors")))
  }

  @Test(arguments: Reference.allCases) func logits(reference: Reference) throws {
    let (model, file) = try load(reference)
    let batch = try batch(reference, file)
    let tape = Tape(store: model.store)
    tape.begin()
    let logits = model.logits(tape, batch.input, classified: batch.classified).values()
    let expected = try file.floats(reference.prefix + "logits")
    let width = model.labels.count
    for (index, row) in batch.rows.enumerated() {
      for label in 0..<width {
        #expect(abs(logits[index * width + label] - expected[row * width + label]) < 1e-4)
      }
    }
  }

  @Test(arguments: Reference.allCases) func lossAndEveryGradient(reference: Reference) throws {
    let (model, file) = try load(reference)
    let batch = try batch(reference, file)
    let tape = Tape(store: model.store)
    let lane = GradientLane(model.store)
    lane.begin()
    tape.begin(lane: lane)
    let result = model.crossEntropy(tape, batch.input, classified: batch.classified, labels: batch.labels)
    tape.backward()
    lane.end()
    let count = Float(batch.labels.count { $0 >= 0 })
    let loss = result.losses.reduce(0, +) / count
    #expect(abs(loss - (try file.floats(reference.prefix + "loss")[0])) < 1e-4)
    let gradients = try TensorFile(Fixtures.url(reference.gradients + ".safetensors"))
    #expect(Set(model.archiveEntries.map(\.name)) == Set(gradients.entries.keys))
    for entry in model.archiveEntries {
      let expected = try gradients.floats(entry.name)
      let found = lane.numbers(of: entry.parameter)[entry.elements].map { $0 / count }
      let scale = expected.map(abs).max() ?? 0
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
      // A key's bias shifts all scores of a query alike, so its gradient is zero but for rounding.
      let tolerance = entry.name.hasSuffix("key.bias") ? 1e-6 : 1e-3 * scale
      #expect(difference <= tolerance, "\(entry.name): \(difference) of \(scale)")
    }
  }

  @Test func labelsKeepTheirNames() throws {
    let (sequence, _) = try load(.single)
    #expect(sequence.labels == ["statement", "question", "exclamation"])
    let (tokens, _) = try load(.tokens)
    #expect(tokens.labels == ["O", "B-WHO", "I-WHO", "B-WHAT", "I-WHAT"])
  }

  /// What is written is read as the same model, and says all that `transformers` asks for.
  @Test(arguments: [Reference.single, .tokens]) func foldersComeBack(reference: Reference) throws {
    let (model, _) = try load(reference)
    let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: ["rows": "7"]) }
    let (again, metadata) = try ModelArchive.loadClassificationModel(
      folder.url, kind: nil, precision: .float32)
    #expect(again.labels == model.labels)
    #expect(again.kind == model.kind)
    #expect(metadata["rows"] == "7")
    for entry in model.archiveEntries {
      #expect(again.store.values(of: entry.parameter).elementsEqual(model.store.values(of: entry.parameter)))
    }
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.configurationURL))
    let settings = try #require(json as? [String: Any])
    #expect(settings["num_labels"] as? Int == model.labels.count)
    #expect((settings["id2label"] as? [String: String])?["1"] == model.labels[1])
    #expect((settings["label2id"] as? [String: Int])?[model.labels[1]] == 1)
    #expect(
      settings["problem_type"] as? String
        == (reference == .single ? "single_label_classification" : nil))
  }

  /// The encoder comes from any BERT; a pooler and a classifier where they are the same.
  @Test func whatAClassifierStartsFrom() throws {
    func origins(
      _ folder: String, kind: LabelKind, labels: [String], keepsClassifier: Bool = false
    ) throws -> [String: TensorOrigin] {
      let url = Fixtures.url(folder)
      let model = ClassificationModel(
        declaring: try ModelArchive.encoderConfiguration(url), kind: kind, labels: labels,
        keepsClassifier: keepsClassifier, precision: .float32)
      let table = try ModelArchive.start(model, from: url, seed: 1)
      return Dictionary(uniqueKeysWithValues: table.map { ($0.entry.name, $0.origin) })
    }
    let bare = try origins("bert", kind: .classification, labels: ["a", "b"])
    #expect(bare["bert.pooler.dense.weight"] == .new)
    #expect(bare["classifier.weight"] == .new)
    #expect(
      bare["bert.encoder.layer.0.output.dense.weight"]
        == .loaded(from: "bert.encoder.layer.0.output.dense.weight"))
    let same = try origins(
      "classification/sequence", kind: .classification, labels: ["statement", "question", "exclamation"],
      keepsClassifier: true)
    #expect(same.values.allSatisfy { $0 != .new })
    let others = try origins("classification/sequence", kind: .classification, labels: ["x", "y", "z"])
    #expect(others["bert.pooler.dense.weight"] == .loaded(from: "bert.pooler.dense.weight"))
    #expect(others["classifier.weight"] == .new)
    let tagger = try origins("classification/sequence", kind: .tagging, labels: ["x", "y", "z"])
    #expect(tagger["classifier.weight"] == .new)
    #expect(tagger["bert.pooler.dense.weight"] == nil)
  }

  @Test func otherKindsAreRefusedByName() throws {
    func message(_ folder: String, _ kind: LabelKind?) -> String {
      failureMessage {
        _ = try ModelArchive.loadClassificationModel(Fixtures.url(folder), kind: kind, precision: .float32)
      }
    }
    #expect(message("bert", .classification).contains("is a masked-language model where a classification"))
    #expect(
      message("classification/tokens", .classification).contains("is a tagging model where a classification"))
    #expect(message("bert", nil).contains("where a classification or tagging model is needed"))
  }

  @Test func labelsThatContradictEachOtherAreRefused() throws {
    let (model, _) = try load(.single)
    for (change, expected): ([String: Any], String) in [
      (["id2label": ["0": "a", "2": "c"]], "has no name for the label 1"),
      (["id2label": ["0": "a", "1": "a"]], "has two labels of one name"),
      (["id2label": ["0": "a"]], "has 1 labels"),
      (["num_labels": 4], "has 3 labels and 'num_labels' is 4"),
      (["problem_type": "regression"], "the problem type 'regression'"),
    ] {
      let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
      try folder.changeConfiguration { $0.merge(change) { $1 } }
      let message = failureMessage {
        _ = try ModelArchive.loadClassificationModel(folder.url, kind: nil, precision: .float32)
      }
      #expect(message.contains(expected), "\(message)")
    }
  }
}
