import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// A folder of `transformers` with a masked-language model, and what it gives for some sequences: `forward.safetensors` and
/// `gradients.safetensors` beside the model.
struct ReferenceEncoder {
  let folder: URL
  let model: MaskedLanguageModel
  /// The sequences without the padding that the reference has behind them.
  let input: EncoderInput
  let reference: TensorFile
  /// The rows of the reference that are no padding.
  private let rows: [Int]

  init(_ name: String) throws {
    folder = Fixtures.url(name)
    model = try ModelArchive.loadMaskedLanguageModel(folder, precision: .float32).model
    reference = try TensorFile(folder.appendingPathComponent("forward.safetensors"))
    let mask = try reference.integers("attention_mask")
    let tokens = try reference.integers("input_ids").map { Int32($0) }
    let length = try #require(reference.entries["input_ids"]?.shape[1])
    let rows = mask.indices.filter { mask[$0] == 1 }
    self.rows = rows
    let sequences = stride(from: 0, to: mask.count, by: length).map { first in
      rows.filter { (first..<first + length).contains($0) }.map { tokens[$0] }
    }
    input = EncoderInput(sequences: sequences)
  }

  /// The integers of the reference at the rows that are no padding.
  func integers(_ name: String) throws -> [Int] {
    let all = try reference.integers(name)
    return rows.map { all[$0] }
  }

  func expectEqual(_ values: [Float], _ name: String) throws {
    let all = try reference.floats(name)
    let width = try #require(reference.entries[name]?.shape.last)
    let expected = rows.flatMap { all[$0 * width..<($0 + 1) * width] }
    try #require(values.count == expected.count)
    let difference = zip(values, expected).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference < 1e-4, "\(name): \(difference)")
  }

  func expectHiddenStatesAndLogits() throws {
    let tape = Tape(store: model.store)
    tape.begin()
    let hidden = model.encoder(tape, input)
    try expectEqual(hidden.values(), "last_hidden_state")
    try expectEqual(model.head(tape, hidden).values(), "logits")
  }

  /// - Parameters:
  ///   - fileName: the name in the file of a tensor of `ArchiveEntry`, by a list apart from the code's. The tensor may be
  ///     the whole parameter of which the entry is a part.
  ///   - leadingRows: of the table of positions, which no token reads.
  func expectLossAndGradients(leadingRows: Int = 0, fileName: (String) -> String) throws {
    let labels = try integers("labels").map { Int32(max($0, -1)) }
    let (tape, lane) = (Tape(store: model.store), GradientLane(model.store))
    lane.begin()
    tape.begin(lane: lane)
    let result = model.head.crossEntropy(tape, model.encoder(tape, input), labels: labels)
    tape.backward()
    lane.end()
    let count = labels.count { $0 >= 0 }
    #expect(abs(result.losses.reduce(0, +) / Float(count) - (try reference.floats("loss")[0])) < 1e-4)
    let gradients = try TensorFile(folder.appendingPathComponent("gradients.safetensors"))
    #expect(Set(model.archiveEntries.map { fileName($0.name) }) == Set(gradients.entries.keys))
    for entry in model.archiveEntries {
      var expected = try gradients.floats(fileName(entry.name))
      if entry.name.hasSuffix("position_embeddings.weight") {
        expected.removeFirst(leadingRows * entry.shape[1])
      }
      if expected.count > entry.elements.count { expected = Array(expected[entry.elements]) }
      let found = lane.numbers(of: entry.parameter)[entry.elements].map { $0 / Float(count) }
      try #require(found.count == expected.count)
      let scale = expected.map(abs).max() ?? 0
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
      // A key's bias shifts all scores of a query alike, so its gradient is zero but for rounding.
      let tolerance = entry.name.hasSuffix("key.bias") ? 1e-6 : 1e-3 * scale
      #expect(scale > 0 && difference <= tolerance, "\(entry.name): \(difference) of \(scale)")
    }
  }
}
