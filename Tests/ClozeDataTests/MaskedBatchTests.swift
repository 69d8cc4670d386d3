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

  private func source(_ strategy: MaskingStrategy = .token, seed: UInt64 = 1, length: Int = 32) throws
    -> MaskedBatchSource
  {
    let vocabulary = try DataFixture.vocabulary()
    let dataset = try TokenDataset(folder: folder.url, split: .train, cachedFrames: 2)
    let windows = try PackedWindows(dataset, windowLength: length, specials: vocabulary.specials, seed: seed)
    var configuration = MaskingConfiguration()
    configuration.strategy = strategy
    return MaskedBatchSource(
      windows: windows, masking: try Masking(configuration, vocabulary: vocabulary), seed: seed)
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
