import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct MaskedBatchTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try DataFixture.write(DataFixture.documents(80, maximumLength: 60), to: folder.url, tokensPerFrame: 100)
  }

  private func source(
    _ strategy: MaskingStrategy = .token, seed: UInt64 = 1, length: Int = 32, finalRate: Double = 0,
    sampleCount: Int? = nil
  ) throws -> MaskedBatchSource {
    let vocabulary = try DataFixture.vocabulary()
    let dataset = try TokenDataset(folder: folder.url, split: .train, cachedFrames: 2)
    let windows = try PackedWindows(dataset, windowLength: length, specials: vocabulary.specials, seed: seed)
    var configuration = MaskingConfiguration()
    configuration.strategy = strategy
    if finalRate > 0 { (configuration.selectionRate, configuration.finalSelectionRate) = (0.6, finalRate) }
    return MaskedBatchSource(
      windows: windows, masking: try Masking(configuration, vocabulary: vocabulary), seed: seed,
      sampleCount: sampleCount)
  }

  /// From 60 to 15 % of the tokens over a run, by the number of the sample alone.
  @Test func theRateFallsInARun() throws {
    let source = try source(finalRate: 0.15, sampleCount: 400)
    func share(_ samples: Range<Int>) throws -> Double {
      let batch = try source.batch(samples: samples)
      return Double(batch.selectedPositions.count) / Double(batch.inputIDs.count)
    }
    let (first, middle, last) = (try share(0..<20), try share(190..<210), try share(380..<400))
    // Special tokens are not selected.
    let ordinary = first / 0.59
    #expect(abs(middle / ordinary - 0.375) < 0.03)
    #expect(abs(last / ordinary - 0.16) < 0.03)
    // Past its end it stays.
    #expect(abs(try share(500..<520) - last) < 0.03)
    // The last sample has the masks of the final rate, and without a length all have those of the first.
    #expect(try source.batch(samples: 399..<400) == self.source().batch(samples: 399..<400))
    let same = try self.source(finalRate: 0.6)
    #expect(try self.source(finalRate: 0.15).batch(samples: 0..<3) == same.batch(samples: 0..<3))
  }

  @Test(arguments: MaskingStrategy.allCases)
  func theSplitIntoBatchesChangesNothing(strategy: MaskingStrategy) throws {
    let source = try source(strategy)
    // Over the end of an epoch.
    let samples = source.windows.windowCount - 10..<source.windows.windowCount + 10
    let whole = try source.batch(samples: samples)
    for size in [1, 3, 7] {
      var inputIDs: [TokenID] = []
      var positions: [Int] = []
      var labels: [TokenID] = []
      for start in stride(from: samples.lowerBound, to: samples.upperBound, by: size) {
        let part = try source.batch(samples: start..<min(samples.upperBound, start + size))
        positions += part.selectedPositions.map { $0 + inputIDs.count }
        inputIDs += part.inputIDs
        labels += part.labels
      }
      #expect(inputIDs == whole.inputIDs)
      #expect(positions == whole.selectedPositions)
      #expect(labels == whole.labels)
    }
    #expect(try self.source(strategy).batch(samples: samples) == whole)
    #expect(try self.source(strategy, seed: 2).batch(samples: samples) != whole)
  }

  @Test func theShapesAgree() throws {
    let source = try source()
    let batch = try source.batch(samples: 5..<14)
    #expect(batch.windowCount == 9)
    #expect(batch.inputIDs.count == 9 * 32)
    #expect(batch.positionIDs.count == 9 * 32)
    #expect(batch.sequenceOffsets.first == 0)
    #expect(batch.sequenceOffsets.last == 9 * 32)
    #expect(zip(batch.sequenceOffsets, batch.sequenceOffsets.dropFirst()).allSatisfy { $0 < $1 })
    for (start, end) in zip(batch.sequenceOffsets, batch.sequenceOffsets.dropFirst()) {
      #expect(Array(batch.positionIDs[start..<end]) == (0..<Int32(end - start)).map { $0 })
    }
    // No piece goes over a window's border, and every [CLS] begins one.
    #expect((0..<9).allSatisfy { batch.sequenceOffsets.contains($0 * 32) })
    for (position, id) in batch.inputIDs.enumerated() where id == 2 {
      #expect(batch.sequenceOffsets.contains(position))
    }
    #expect(batch.selectedPositions == batch.selectedPositions.sorted())
    #expect(batch.labels.count == batch.selectedPositions.count)
    #expect(batch.outcomes.count == batch.selectedPositions.count)
  }

  @Test func masksAreDynamicInTrainingAndFrozenInEvaluation() throws {
    let source = try source()
    let count = source.windows.windowCount
    let first = try source.batch(samples: 0..<count)
    let second = try source.batch(samples: count..<2 * count)
    #expect(first.selectedPositions != second.selectedPositions)
    let frozen = try source.evaluationBatch(windows: 0..<count)
    #expect(try source.evaluationBatch(windows: 0..<count) == frozen)
    let tail = try source.evaluationBatch(windows: 3..<4)
    #expect(tail.inputIDs == Array(frozen.inputIDs[3 * 32..<4 * 32]))
  }
}
