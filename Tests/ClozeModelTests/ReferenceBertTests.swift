import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Testing

/// The values that `transformers` gives for the BERT in `Fixtures/bert`, to the tolerances of the field.
@Suite struct ReferenceBertTests {
  let model: MaskedLanguageModel
  let input: EncoderInput
  let spans: [AttentionSpan]
  let labels: [Int32]
  let reference: TensorFile

  init() throws {
    model = try ModelArchive.loadMaskedLanguageModel(Fixtures.url("bert"), precision: .float32).model
    reference = try TensorFile(Fixtures.url("forward.safetensors"))
    let (rows, length) = (3, 24)
    let mask = try reference.integers("attention_mask")
    labels = try reference.integers("labels").map { Int32(max($0, -1)) }
    input = EncoderInput(
      tokens: try reference.integers("input_ids").map { Int32($0) },
      positions: (0..<rows * length).map { Int32($0 % length) },
      segments: try reference.integers("token_type_ids").map { Int32($0) },
      sequences: Sequences(lengths: Array(repeating: length, count: rows)))
    // There, padding sees the sentence and the sentence does not see padding.
    spans = (0..<rows).map { row in
      let first = row * length
      let visible = mask[first..<first + length].reduce(0, +)
      return AttentionSpan(queries: first..<first + length, keys: first..<first + visible)
    }
  }

  private func greatestDifference(_ values: [Float], _ name: String) throws -> Float {
    let expected = try reference.floats(name)
    try #require(values.count == expected.count)
    return zip(values, expected).map { abs($0 - $1) }.max() ?? .infinity
  }

  @Test func hiddenStatesAndLogits() throws {
    let tape = Tape(store: model.store)
    tape.begin()
    let hidden = model.encoder(tape, input, spans: spans)
    #expect(try greatestDifference(hidden.values(), "last_hidden_state") < 1e-4)
    #expect(try greatestDifference(model.head(tape, hidden).values(), "logits") < 1e-4)
  }

  @Test(arguments: [false, true])
  func lossAndEveryGradient(onPredictedRowsOnly: Bool) throws {
    let tape = Tape(store: model.store)
    let lane = GradientLane(model.store)
    lane.begin()
    tape.begin(lane: lane)
    let predicted = labels.indices.filter { labels[$0] >= 0 }
    let hidden = model.encoder(tape, input, spans: spans)
    // The product with the vocabulary on the predicted rows alone gives the same gradients as on all of them.
    let result = model.head.crossEntropy(
      tape, onPredictedRowsOnly ? tape.gatherRows(hidden, predicted.map { Int32($0) } + [-1]) : hidden,
      labels: onPredictedRowsOnly ? predicted.map { labels[$0] } + [-1] : labels)
    tape.backward()
    lane.end()

    let loss = result.losses.reduce(0, +) / Float(predicted.count)
    #expect(abs(loss - (try reference.floats("loss")[0])) < 1e-4)
    let gradients = try TensorFile(Fixtures.url("gradients.safetensors"))
    #expect(Set(model.archiveEntries.map(\.name)) == Set(gradients.entries.keys))
    for entry in model.archiveEntries {
      let expected = try gradients.floats(entry.name)
      let found = lane.numbers(of: entry.parameter)[entry.elements].map { $0 / Float(predicted.count) }
      let scale = expected.map(abs).max() ?? 0
      let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
      // A key's bias shifts all scores of a query alike, so its gradient is zero but for rounding.
      let tolerance = entry.name.hasSuffix("key.bias") ? 1e-6 : 1e-3 * scale
      #expect(difference <= tolerance, "\(entry.name): \(difference) of \(scale)")
    }
  }

  @Test(.enabled(if: Machine.multipliesBFloat16)) func bfloat16StaysNear() throws {
    let half = try ModelArchive.loadMaskedLanguageModel(Fixtures.url("bert"), precision: .bfloat16).model
    let tape = Tape(store: half.store)
    tape.begin()
    let logits = half.head(tape, half.encoder(tape, input, spans: spans)).values()
    let scale = try reference.floats("logits").map(abs).max() ?? 0
    #expect(try greatestDifference(logits, "logits") < 0.03 * scale)
  }
}
