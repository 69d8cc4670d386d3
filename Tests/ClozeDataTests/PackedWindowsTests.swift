import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct PackedWindowsTests {
  private let folder: TemporaryFolder
  private let vocabulary: Vocabulary

  init() throws {
    folder = try TemporaryFolder()
    vocabulary = try DataFixture.vocabulary()
  }

  /// The packed stream written out, and where its documents begin.
  private func stream(_ documents: [[TokenID]]) -> (tokens: [TokenID], starts: Set<Int>) {
    var tokens: [TokenID] = []
    var starts: Set<Int> = []
    for document in documents {
      starts.insert(tokens.count)
      tokens += [vocabulary.specials.classification] + document + [vocabulary.specials.separator]
    }
    return (tokens, starts)
  }

  private func windows(_ documents: [[TokenID]], length: Int, tokensPerFrame: Int, seed: UInt64 = 1) throws
    -> PackedWindows
  {
    try DataFixture.write(documents, to: folder.url, tokensPerFrame: tokensPerFrame)
    let dataset = try TokenDataset(folder: folder.url, split: .train, cachedFrames: 3)
    return try PackedWindows(dataset, windowLength: length, specials: vocabulary.specials, seed: seed)
  }

  @Test(arguments: [1, 2, 7, 64, 500], [1, 5, 32, 129])
  func windowsAreTheStreamInOrder(tokensPerFrame: Int, length: Int) throws {
    for maximumLength in [1, 3, 70] {
      let documents = DataFixture.documents(25, maximumLength: maximumLength, seed: UInt64(length))
      let (tokens, starts) = stream(documents)
      guard tokens.count >= length else { continue }
      let windows = try windows(documents, length: length, tokensPerFrame: tokensPerFrame)
      #expect(windows.streamLength == tokens.count)
      #expect(windows.windowCount == tokens.count / length)
      for number in 0..<windows.windowCount {
        let window = try windows.evaluationWindow(number)
        let range = number * length..<(number + 1) * length
        #expect(window.tokens == Array(tokens[range]))
        #expect(
          window.documentStarts
            == range.filter { starts.contains($0) || $0 == range.lowerBound }.map { $0 - range.lowerBound })
      }
    }
  }

  /// Within an epoch the windows are disjoint pieces of the stream, which goes round once.
  @Test(arguments: [0, 1, 5])
  func anEpochSeesEveryPieceOnce(epoch: Int) throws {
    let documents = DataFixture.documents(40, maximumLength: 30)
    let (tokens, _) = stream(documents)
    let length = 16
    let windows = try windows(documents, length: length, tokensPerFrame: 50)
    let count = windows.windowCount
    let places = (0..<count).map { windows.place(ofSample: epoch * count + $0) }
    #expect(places.allSatisfy { $0.epoch == epoch })
    #expect(places.map(\.window).sorted() == Array(0..<count))
    #expect(places.map(\.window) != Array(0..<count))
    let ring = tokens + tokens
    let matching = try (0..<length).filter { offset in
      try (0..<count).allSatisfy {
        let start = $0 * length + offset
        return try windows.window(at: .init(epoch: epoch, window: $0)).tokens
          == Array(ring[start..<start + length])
      }
    }
    #expect(matching.count == 1)
  }

  @Test func offsetsAndOrdersDifferByEpochAndSeed() throws {
    let documents = DataFixture.documents(100, maximumLength: 60)
    let first = try windows(documents, length: 64, tokensPerFrame: 100)
    let other = try windows(documents, length: 64, tokensPerFrame: 100, seed: 2)
    let count = first.windowCount
    #expect(first.place(ofSample: 0) != first.place(ofSample: count))
    #expect(
      (0..<count).map { first.place(ofSample: $0).window }
        != (0..<count).map { other.place(ofSample: $0).window })
    let views = try (0..<8).map { try first.window(at: .init(epoch: $0, window: 1)).tokens }
    #expect(Set(views).count > 4)
  }

  @Test func aCorpusShorterThanAWindowIsRefused() throws {
    let text = failureMessage { _ = try windows([[7, 8], [9]], length: 8, tokensPerFrame: 4) }
    #expect(text.contains("7 positions long, less than one window of 8"), "\(text)")
    _ = try windows([[7, 8], [9]], length: 7, tokensPerFrame: 4)
  }
}
