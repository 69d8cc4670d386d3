import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// What a sequence's results must not depend on: its neighbours, the batch it comes in, the thread that computes it.
@Suite struct SequenceLawsTests {
  private func logits(_ model: MaskedLanguageModel, _ sequences: [[Int32]], rowMultiple: Int = 1) -> [Float] {
    let tape = Tape(store: model.store)
    tape.begin()
    let input = EncoderInput(sequences: sequences, rowMultiple: rowMultiple)
    return model.logits(tape, input, predicted: (0..<Int32(input.sequences.tokenCount)).map { $0 }).values()
  }

  /// A document alone has the logits that it has inside a pack, wherever it lies there: in narrow models and in wide
  /// ones, whose products are cut into blocks.
  @Test(arguments: [[1, 7, 20], [16, 16, 16, 16], [5], [31, 1, 1, 2]], Machine.precisions)
  func documentsDoNotSeeEachOther(lengths: [Int], precision: ElementType) {
    for width in [24, 384] {
      var configuration = SmallModels.configuration()
      configuration.hiddenSize = width
      configuration.feedForwardSize = 4 * width
      configuration.initializerDeviation = 1 / Double(width).squareRoot()
      let model = MaskedLanguageModel(configuration: configuration, precision: precision, seed: 1)
      expectApart(model, lengths)
    }
  }

  @Test(arguments: SmallModels.blocks, Machine.precisions)
  func documentsOfEveryBlock(blocks: String, precision: ElementType) {
    expectApart(SmallModels.maskedLanguage(precision, blocks: blocks), [1, 7, 20, 12])
  }

  @Test(arguments: Machine.precisions)
  func documentsOfAModernEncoder(precision: ElementType) {
    expectApart(SmallModels.modern(precision), [1, 7, 20, 12])
  }

  private func expectApart(_ model: MaskedLanguageModel, _ lengths: [Int]) {
    let documents = SmallModels.sequences(lengths)
    for rowMultiple in [1, 16] {
      let packed = logits(model, documents, rowMultiple: rowMultiple)
      let alone = documents.flatMap { logits(model, [$0]) }
      #expect(greatestDifference(packed, alone) < 1e-5)
    }
    let reversed = logits(model, documents.reversed())
    let expected = documents.reversed().flatMap { logits(model, [$0]) }
    #expect(greatestDifference(reversed, expected) < 1e-5)
  }

  /// The other side of it: within a document every token matters.
  @Test(arguments: Machine.precisions)
  func tokensOfADocumentSeeEachOther(precision: ElementType) {
    let model = SmallModels.maskedLanguage(precision)
    let document = SmallModels.sequences([9])
    for place in 0..<9 {
      var changed = document
      changed[0][place] = (changed[0][place] + 1) % 50
      let (a, b) = (logits(model, document), logits(model, changed))
      for row in 0..<9 { #expect(a[row * 50..<(row + 1) * 50] != b[row * 50..<(row + 1) * 50]) }
    }
  }

  /// The gradient of the summed loss over `sequences`, cut into equal micro-batches.
  private func gradient(
    _ model: MaskedLanguageModel, _ sequences: [[Int32]], microbatches count: Int, dropout: Bool = false
  ) -> [Float] {
    let (tape, lane) = (Tape(store: model.store), GradientLane(model.store))
    lane.begin()
    let size = sequences.count / count
    for index in 0..<count {
      let input = EncoderInput(sequences: Array(sequences[index * size..<(index + 1) * size]))
      tape.begin(lane: lane, dropout: dropout ? DropoutStream(seed: 3, step: 1, microbatch: index) : nil)
      // Every third token is predicted.
      let predicted = stride(from: Int32(0), to: Int32(input.tokens.count), by: 3).map { $0 }
      _ = model.crossEntropy(
        tape, input, predicted: predicted, labels: predicted.map { (input.tokens[Int($0)] + 7) % 50 })
      tape.backward()
    }
    lane.end()
    return lane.numbers(count: model.store.elementCount)
  }

  /// 1 x 64 = 4 x 16: how a batch is cut changes its gradient by rounding only.
  @Test(
    arguments: [1, 2, 4, 16],
    [(ElementType.float32, Float(1e-5)), (.bfloat16, 0.02)].filter { Machine.precisions.contains($0.0) })
  func cutIntoMicrobatches(count: Int, mode: (precision: ElementType, tolerance: Float)) {
    let model = SmallModels.maskedLanguage(mode.precision)
    let sequences = SmallModels.sequences([Int](repeating: 12, count: 64))
    let whole = gradient(model, sequences, microbatches: 1)
    let parts = gradient(model, sequences, microbatches: count)
    let scale = whole.map(abs).max() ?? 0
    #expect(scale > 0.1)
    #expect(greatestDifference(whole, parts) < mode.tolerance * scale)
  }

  /// Gradients in bf16 point where those in f32 do.
  @Test(.enabled(if: Machine.multipliesBFloat16)) func bfloat16GradientsStayNear() {
    let sequences = SmallModels.sequences([12, 3, 9, 1, 20, 20])
    let exact = gradient(SmallModels.maskedLanguage(.float32), sequences, microbatches: 1).map(Double.init)
    let rounded = gradient(SmallModels.maskedLanguage(.bfloat16), sequences, microbatches: 1).map(Double.init)
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let cosine = dot(exact, rounded) / (dot(exact, exact) * dot(rounded, rounded)).squareRoot()
    #expect(cosine > 0.999)
    #expect(abs(dot(rounded, rounded) / dot(exact, exact) - 1) < 0.03)
  }

  /// Two workers over one store compute what one does, to the bit.
  @Test(arguments: Machine.precisions, SmallModels.blocks)
  func threadsShareAStore(precision: ElementType, blocks: String) {
    expectSameBits(SmallModels.maskedLanguage(precision, blocks: blocks, dropout: 0.1))
    if blocks == SmallModels.blocks[0] { expectSameBits(SmallModels.modern(precision, dropout: 0.1)) }
  }

  private func expectSameBits(_ model: MaskedLanguageModel) {
    let batches = (0..<4).map { SmallModels.sequences([5, 17, 10, 20], seed: $0) }
    let expected = batches.map { gradient(model, $0, microbatches: 2, dropout: true) }
    let results = Results(count: batches.count)
    DispatchQueue.concurrentPerform(iterations: batches.count) { index in
      results.set(index, gradient(model, batches[index], microbatches: 2, dropout: true))
    }
    #expect(results.values.map { $0.map(\.bitPattern) } == expected.map { $0.map(\.bitPattern) })
  }

  /// After the first of equal micro-batches, the arena asks the system for nothing.
  @Test(arguments: Machine.precisions)
  func equalMicrobatchesAllocateOnce(precision: ElementType) {
    let model = SmallModels.maskedLanguage(precision, dropout: 0.1)
    let (tape, lane) = (Tape(store: model.store), GradientLane(model.store))
    let input = EncoderInput(sequences: SmallModels.sequences([Int](repeating: 32, count: 300)))
    var capacities: [Int] = []
    for microbatch in 0..<4 {
      tape.begin(lane: lane, dropout: DropoutStream(seed: 3, step: 1, microbatch: microbatch))
      _ = model.crossEntropy(tape, input, predicted: (0..<9600).map { $0 }, labels: input.tokens)
      tape.backward()
      capacities.append(tape.capacity)
    }
    // More than one chunk, so that their joining is part of what is tested.
    #expect(capacities[0] >= 32 << 20)
    #expect(Set(capacities).count == 1)
  }
}

/// What several threads have computed, each in its place.
private final class Results: @unchecked Sendable {
  private let lock = NSLock()
  private(set) var values: [[Float]]

  init(count: Int) { values = Array(repeating: [], count: count) }

  func set(_ index: Int, _ value: [Float]) {
    lock.withLock { values[index] = value }
  }
}
