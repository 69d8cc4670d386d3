import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct CorpusPassTests {
  private let folder: TemporaryFolder
  private let documents: [String]

  /// 400 documents of made-up words, every fifth of which comes again.
  init() throws {
    folder = try TemporaryFolder()
    var random = CounterRandom(seed: 8, purpose: .bootstrap)
    let words = (0..<300).map { number in String(number * 7919, radix: 26, uppercase: false) }
    documents = (0..<400).map { _ in
      (0..<1 + random.below(60)).map { _ in words[random.below(words.count)] }.joined(separator: " ") + "."
    }
    let repeated = documents + documents.enumerated().filter { $0.offset % 5 == 0 }.map(\.element)
    try folder.write(repeated.joined(separator: "\n\n"), to: "corpus.txt")
  }

  private func pass(workers: Int, rate: Double = 0.2, seed: UInt64 = 1) throws -> CorpusPass {
    var pass = CorpusPass(
      try CorpusInputs([folder.file("corpus.txt").path]), format: CorpusFormat(), seed: seed,
      validationRate: rate, pool: WorkerPool(workerCount: workers))
    pass.batchBytes = 1000
    return pass
  }

  @discardableResult
  private func tokenize(workers: Int, rate: Double = 0.2, seed: UInt64 = 1, to name: String) throws -> (
    index: DataIndex, statistics: CorpusStatistics, tokenizer: Tokenizer
  ) {
    let pass = try pass(workers: workers, rate: rate, seed: seed)
    let (counts, first) = try pass.countWords(normalizer: .cased) { _ in }
    let tokenizer = Tokenizer(vocabulary: try VocabularyTrainer(size: 150).train(counts), normalizer: .cased)
    var layout = ShardLayout()
    layout.tokensPerFrame = 500
    let writer = try DatasetWriter(
      folder: folder.file(name),
      source: .init(
        tokenizer: tokenizer.digest, vocabularySize: tokenizer.vocabulary.count, seed: seed,
        validationRate: rate),
      layout: layout, pool: pass.pool)
    let statistics = try pass.encode(with: tokenizer, into: writer) { _ in }
    #expect(statistics.corpus == first.corpus)
    return (try writer.finish(corpus: statistics.corpus), statistics, tokenizer)
  }

  @Test func sameBytesForAnyNumberOfWorkers() throws {
    try tokenize(workers: 1, to: "1")
    for workers in [2, 3] {
      try tokenize(workers: workers, to: "\(workers)")
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.file("1").path) {
        #expect(
          try Data(contentsOf: folder.file("\(workers)/\(name)"))
            == Data(contentsOf: folder.file("1/\(name)")))
      }
    }
  }

  /// A run goes on from what another had written at any moment, and its figures are the same, too.
  @Test func goingOnGivesTheSameFigures() throws {
    let (expected, figures, tokenizer) = try tokenize(workers: 1, to: "reference")
    var layout = ShardLayout()
    layout.tokensPerFrame = 500
    func encode(_ name: String, workers: Int, progress report: (Int) -> Void) throws -> Int {
      let pass = try pass(workers: workers)
      let fresh = DatasetProgress(
        settings: Digest(of: "s"), inputs: Digest(of: "i"), corpus: nil, tokenizer: tokenizer.digest)
      let left = DatasetProgress.left(in: folder.file(name), settings: fresh.settings)?.progress
      let writer = try DatasetWriter(
        folder: folder.file(name),
        source: .init(
          tokenizer: tokenizer.digest, vocabularySize: tokenizer.vocabulary.count, seed: 1,
          validationRate: 0.2),
        layout: layout, pool: pass.pool, progress: left ?? fresh, checkpointBytes: 2500)
      try writer.stage(tokenizer)
      let start = writer.position.documents
      let statistics = try pass.encode(with: tokenizer, into: writer, progress: report)
      #expect(statistics == figures, "after \(start) documents")
      #expect(try writer.finish(corpus: statistics.corpus) == expected, "after \(start) documents")
      return start
    }
    var copies: [String] = []
    _ = try encode("running", workers: 1) { _ in
      let name = "copy-\(copies.count)"
      guard (try? FileManager.default.copyItem(at: folder.file("running"), to: folder.file(name))) != nil
      else { return }
      copies.append(name)
    }
    let starts = try copies.enumerated().map { try encode($1, workers: 1 + $0 % 3) { _ in } }
    #expect(starts == starts.sorted() && Set(starts).count > 10, "\(starts)")
  }

  @Test(arguments: [0.0, 0.2, 0.5])
  func everyDocumentIsInOneSplitOnce(rate: Double) throws {
    let (index, statistics, tokenizer) = try tokenize(workers: 2, rate: rate, to: "data")
    let distinct = Set(documents)
    #expect(statistics.documents == 480)
    #expect(statistics.duplicates == 480 - distinct.count)
    #expect(index.train.documents + index.validation.documents == distinct.count)
    let held = Double(index.validation.documents)
    let count = Double(distinct.count)
    #expect(abs(held - count * rate) <= 5 * (count * rate * (1 - rate)).squareRoot())
    #expect(statistics.tokens.tokens == index.train.tokens + index.validation.tokens)
    #expect(statistics.tokens.words == index.train.words + index.validation.words)

    var found: [[TokenID]] = []
    for split in Split.allCases where index[split].documents > 0 {
      let dataset = try TokenDataset(folder: folder.file("data"), split: split)
      var open: [TokenID] = []
      for number in 0..<dataset.frameCount {
        let frame = try dataset.frame(number)
        var start = 0
        for end in frame.documentEnds {
          found.append(open + frame.tokens[start..<Int(end)])
          (open, start) = ([], Int(end))
        }
        open += frame.tokens[start...]
      }
    }
    let expected = distinct.map { tokenizer.encode($0) }
    #expect(Set(found) == Set(expected))
  }

  @Test func theSplitIsAFunctionOfTextAndSeed() throws {
    func held(_ seed: UInt64) -> [Int] {
      var filter = DocumentFilter(seed: seed, validationRate: 0.3)
      return documents.indices.filter {
        filter.split(of: Document(text: Array(documents[$0].utf8))) == .validation
      }
    }
    #expect(held(1) == held(1))
    #expect(held(1) != held(2))
    var filter = DocumentFilter(seed: 1, validationRate: 1)
    #expect(filter.split(of: Document(text: [97])) == .validation)
    #expect(filter.split(of: Document(text: [97])) == nil)
  }

  @Test func anEmptyCorpusIsRefused() throws {
    try folder.write(" \n\n\t\n", to: "corpus.txt")
    #expect(
      failureMessage { _ = try pass(workers: 1).countWords(normalizer: .cased) { _ in } }
        .contains("corpus.txt: no text in it"))
  }

  @Test func aCorpusThatIsAllHeldOutTrainsNoVocabulary() throws {
    let pass = try pass(workers: 1, rate: 1)
    #expect(
      failureMessage { _ = try pass.countWords(normalizer: .cased) { _ in } }
        .contains("no words are left for the train split"))
    #expect(try pass.survey { _ in }.statistics.documents == 480)
  }

  @Test func literalSpecialTokensAreTextAndCounted() throws {
    try folder.write("a [MASK] b [SEP]\n\nc [CLS]", to: "corpus.txt")
    let (_, statistics, tokenizer) = try tokenize(workers: 1, rate: 0, to: "data")
    #expect(statistics.tokens.literalSpecials == 3)
    let dataset = try TokenDataset(folder: folder.file("data"), split: .train)
    let specials = tokenizer.vocabulary.specials
    let tokens = try dataset.tokens(in: 0..<dataset.tokenCount)
    #expect(!tokens.contains { [specials.mask, specials.separator, specials.classification].contains($0) })
  }
}
