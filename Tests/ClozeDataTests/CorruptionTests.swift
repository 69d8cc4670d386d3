import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// What a denoiser reads and has to write.
@Suite struct CorruptionTests {
  private let vocabulary: Vocabulary

  init() throws { vocabulary = try DataFixture.vocabulary() }

  private var nothing: CorruptionConfiguration {
    var configuration = CorruptionConfiguration()
    (configuration.infills, configuration.deletionRate, configuration.shuffleDistance) = (false, 0, 0)
    return configuration
  }

  /// - Parameter selectionRate: of masks; all selected tokens become `[MASK]`.
  private func corruption(
    selectionRate: Double = 0.001, _ change: (inout CorruptionConfiguration) -> Void = { _ in }
  ) throws -> Corruption {
    var configuration = nothing
    change(&configuration)
    var masking = MaskingConfiguration()
    (masking.selectionRate, masking.maskRate, masking.randomRate) = (selectionRate, 1, 0)
    return try Corruption(configuration, masking: masking, vocabulary: vocabulary)
  }

  /// `[CLS]` words `[SEP]`, with one token or more that is a word by itself.
  private func window(_ texts: [[TokenID]], cutsLast: Bool = false) -> TokenWindow {
    var (tokens, starts): ([TokenID], [Int]) = ([], [])
    for text in texts {
      starts.append(tokens.count)
      tokens += [2] + text + [3]
    }
    if cutsLast { tokens.removeLast() }
    return TokenWindow(tokens: tokens, documentStarts: starts)
  }

  private func pairs(_ corruption: Corruption, _ window: TokenWindow, number: Int = 0) -> [EncodedPair] {
    corruption.pairs(
      window, masks: CounterRandom(seed: 1, purpose: .masking, index: number),
      changes: CounterRandom(seed: 1, purpose: .corruption, index: number))
  }

  /// The ids of `count` words of one piece each.
  private func words(_ count: Int, from first: Int = 0) -> [TokenID] {
    Array(
      (7..<TokenID(vocabulary.count)).filter { !vocabulary.isContinuation[Int($0)] }[first..<first + count])
  }

  @Test func everyPartOfADocumentIsAPair() throws {
    let texts = [words(6), words(4, from: 10), words(1, from: 20)]
    let pairs = pairs(try corruption(), window(texts))
    #expect(pairs.map(\.target) == texts)
    // At least one token of a window is masked.
    for pair in pairs {
      #expect(pair.source.count == pair.target.count)
      #expect(zip(pair.source, pair.target).allSatisfy { $0 == $1 || $0 == vocabulary.specials.mask })
    }
    let masks = pairs.flatMap(\.source).count { $0 == vocabulary.specials.mask }
    #expect(masks == 1)
  }

  /// The rest of a sentence that the border cuts is left out, unless the part has nothing else.
  @Test func aCutSentenceIsLeftOut() throws {
    let whole = words(5) + [5]
    let cut = words(3, from: 30)
    #expect(pairs(try corruption(), window([whole + cut], cutsLast: true)).map(\.target) == [whole])
    #expect(pairs(try corruption(), window([cut], cutsLast: true)).map(\.target) == [cut])
    #expect(pairs(try corruption(), window([whole + cut])).map(\.target) == [whole + cut])
    // Special tokens alone are no text.
    #expect(pairs(try corruption(), TokenWindow(tokens: [3, 2, 1, 3], documentStarts: [0, 1])).isEmpty)
  }

  @Test func deletionTakesItsShare() throws {
    let corruption = try corruption { $0.deletionRate = 0.25 }
    let text = words(100)
    let kept = (0..<200).map { number -> Int in
      let source = pairs(corruption, window([text]), number: number)[0].source
      var rest = text[...]
      // A subsequence in the same order, apart from the masked token.
      for token in source where token != vocabulary.specials.mask {
        let place = rest.firstIndex(of: token)
        #expect(place != nil)
        rest = rest[(place ?? rest.startIndex)...].dropFirst()
      }
      return source.count
    }.reduce(0, +)
    // 1 of 100 is masked and never deleted: 20,000 - 0.25 · 19,800, five deviations of √(19,800 · 0.1875) = 61.
    #expect(abs(kept - 15_050) < 305)
  }

  /// A run of masks is one mask, whatever its length.
  @Test func infillingHidesTheLength() throws {
    let text = words(100)
    let plain = try corruption(selectionRate: 0.5)
    let infilling = try corruption(selectionRate: 0.5) { $0.infills = true }
    for number in 0..<20 {
      var expected: [TokenID] = []
      for token in pairs(plain, window([text]), number: number)[0].source
      where token != vocabulary.specials.mask || expected.last != token {
        expected.append(token)
      }
      #expect(pairs(infilling, window([text]), number: number)[0].source == expected)
    }
    let all = try corruption(selectionRate: 1) { $0.infills = true }
    #expect(pairs(all, window([text]))[0].source == [vocabulary.specials.mask])
  }

  /// Words move by the distance at most, and their pieces stay together.
  @Test(arguments: [1, 3]) func wordsChangePlacesNearby(distance: Int) throws {
    let corruption = try corruption { $0.shuffleDistance = distance }
    let pieces = (7..<TokenID(vocabulary.count)).filter { vocabulary.isContinuation[Int($0)] }
    // Every second word has two pieces.
    let text = zip(words(30), pieces).enumerated().flatMap { $0 % 2 == 0 ? [$1.0, $1.1] : [$1.0] }
    var moved = 0
    for number in 0..<50 {
      let source = pairs(corruption, window([text]), number: number)[0].source
      #expect(source.count == text.count)
      let places = source.filter { !vocabulary.isContinuation[Int($0)] && $0 != vocabulary.specials.mask }
        .compactMap { words(30).firstIndex(of: $0) }
      for (place, word) in source.enumerated() where vocabulary.isContinuation[Int(word)] {
        let before = text[(text.firstIndex(of: word) ?? 1) - 1]
        #expect([before, vocabulary.specials.mask].contains(source[place - 1]))
      }
      // Two words that change their order are at most the distance apart.
      for (place, word) in places.enumerated() {
        for later in places[(place + 1)...] where later < word {
          #expect(word - later <= distance)
          moved += 1
        }
      }
    }
    #expect(moved > 50)
  }

  @Test func sentencesArePermutedAsWholes() throws {
    let corruption = try corruption { $0.permutesSentences = true }
    let sentences = (0..<4).map { words(4, from: 10 * $0) + [5] }
    var orders: Set<[Int]> = []
    for number in 0..<40 {
      let source = pairs(corruption, window([sentences.flatMap { $0 }]), number: number)[0].source
      let parts = stride(from: 0, to: 20, by: 5).map { Array(source[$0..<$0 + 5]) }
      let order = parts.compactMap { part in
        sentences.firstIndex { sentence in
          zip(sentence, part).count { $0 == $1 } >= 4
        }
      }
      #expect(order.sorted() == [0, 1, 2, 3])
      orders.insert(order)
    }
    #expect(orders.count > 10)
  }

  /// A sample does not depend on its batch, and differs from epoch to epoch.
  @Test func aSampleIsAFunctionOfItsNumber() throws {
    let folder = try TemporaryFolder()
    try DataFixture.write(DataFixture.documents(80, maximumLength: 60), to: folder.url, tokensPerFrame: 100)
    let dataset = try TokenDataset(folder: folder.url, split: .train, cachedFrames: 2)
    let windows = try PackedWindows(dataset, windowLength: 32, specials: vocabulary.specials, seed: 4)
    let source = CorruptedPairSource(
      windows: windows,
      corruption: try Corruption(
        CorruptionConfiguration(), masking: .forDenoising, vocabulary: vocabulary), seed: 4)
    let samples = windows.windowCount - 8..<windows.windowCount + 8
    let whole = try source.pairs(samples: samples)
    #expect(try samples.flatMap { try source.pairs(samples: $0..<$0 + 1) } == whole)
    #expect(
      try source.pairs(samples: 0..<windows.windowCount)
        != source.pairs(
          samples: windows.windowCount..<2 * windows.windowCount))
    #expect(try source.evaluationPairs(windows: 0..<5) == source.evaluationPairs(windows: 0..<5))
  }
}
