import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// Which translations become synthetic pairs, and how their file is written and read.
@Suite struct SyntheticPairsTests {
  private let tokenizer: Tokenizer
  private let folder: TemporaryFolder

  init() throws {
    let words = ["a", "b", "c", "d", "##a", "##b", ".", "1", "2"]
    tokenizer = Tokenizer(vocabulary: try Vocabulary(tokens: SpecialTokens.texts + words), normalizer: .cased)
    folder = try TemporaryFolder()
  }

  private func filter(ratio: Double = 3) -> PairFilter {
    PairFilter(tokenizer, positionCount: 8, lengthRatio: ratio)
  }

  @Test func linesThatAreNotTranslated() {
    var filter = filter()
    #expect(filter.fault(line: "a b c d a b") == nil)
    #expect(filter.fault(line: "a b c d a b c") == .tooLong)
    #expect(filter.fault(line: "") == .empty)
    #expect(filter.fault(line: " \u{2003}") == .empty)
    #expect(filter.fault(line: "a 狗 b") == .unknown)
  }

  @Test(
    arguments: [
      ("c d", "a b", nil), ("", "a b", .emptyTranslation), ("a b", "a b", .copy), ("A c", "a b", .copy),
      // Half of the words of the source; what has no letter does not count.
      ("a c", "a b", .copy), ("a c d", "a b", nil), ("c . 1", "a . 1", nil), ("1 2", "1 2", .copy),
      ("1 2", "2 1", nil),
      // A word is shared as often as both have it.
      ("a a a c", "a b", nil), ("a a c", "a a b", .copy),
      ("c", "a b d", nil), ("c", "a b d a", .lengthRatio), ("c c c c", "a", .lengthRatio),
    ] as [(String, String, PairFault?)])
  func pairsThatAreLeftOut(source: String, target: String, fault: PairFault?) {
    var filter = filter()
    let pair = TranslationPair(source: source, target: target)
    #expect(filter.fault(pair, isWhole: true) == fault)
    if fault == nil {
      #expect(filter.fault(pair, isWhole: false) == .cutOff)
      #expect(filter.fault(pair, isWhole: true) == .repeated)
    }
  }

  @Test func sourcesOfAnEarlierCallAreRepeated() {
    var filter = filter()
    filter.insert(source: "c d")
    #expect(filter.fault(TranslationPair(source: "c d", target: "a"), isWhole: true) == .repeated)
    #expect(filter.fault(TranslationPair(source: "d c", target: "a"), isWhole: true) == nil)
  }

  /// The tag of a synthetic source stays in front of it, whatever training does to its words.
  @Test func theTagKeepsItsPlace() {
    let noise = PairNoise(
      SourceNoise(shuffleDistance: 3, deletionRate: 0.5), PieceDropout(source: 0.5), tokenizer: tokenizer,
      maximumLength: 16, seed: 1)
    let mask = tokenizer.vocabulary.specials.mask
    let words = tokenizer.encode("a b c d aa bb")
    let changed = (0..<50).map {
      noise.changed(EncodedPair(source: [mask] + words, target: words), epoch: $0, number: 0)
    }
    #expect(changed.allSatisfy { $0.source.first == mask && $0.source.count > 1 })
    #expect(Set(changed.map(\.source)).count > 10)
  }

  // MARK: The file

  private func settings(beam: Int = 5) -> SyntheticManifest.Settings {
    SyntheticManifest.Settings(
      model: Digest(of: "model"), tokenizer: tokenizer.digest, precision: "float32", beam: beam,
      sampling: nil,
      lengthRatio: 3, limit: nil)
  }

  private func part(_ number: Int) -> (lines: [String], rows: [Result<SyntheticRow, PairFault>]) {
    (
      ["target \(number)", "nothing"],
      [
        .success(
          SyntheticRow(TranslationPair(source: "source \(number)", target: "target \(number)"), score: -0.5)),
        .failure(.copy),
      ]
    )
  }

  @Test func aFileIsWhatWasWritten() throws {
    let url = folder.file("pairs.tsv")
    let file = try SyntheticFile(url, settings: settings(), resumes: false)
    for number in 0..<3 { try file.append(part(number).lines, part(number).rows) }
    let manifest = try file.finish()
    #expect(manifest.counts.lines == 6 && manifest.counts.pairs == 3 && manifest.counts[.copy] == 3)
    #expect(try SyntheticManifest.read(beside: url) == manifest)
    let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
    #expect(text.hasPrefix("source 0\ttarget 0\tback-translation\t-0.5000\t\(Digest(of: "model").short)\n"))
    let read = try SyntheticPairs(url, tokenizer: tokenizer.digest)
    #expect(read.pairs == (0..<3).map { TranslationPair(source: "source \($0)", target: "target \($0)") })
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: folder.url.path)).isSuperset(of: ["pairs.tsv"]))
    #expect(!FileManager.default.fileExists(atPath: url.path + ".partial"))
    #expect(!FileManager.default.fileExists(atPath: url.path + ".progress"))
  }

  /// Continued after any part, with bytes of an unsynced part behind it, the file has the same bytes.
  @Test(arguments: 0...3) func aFileIsContinued(parts: Int) throws {
    func write(_ name: String, interruptedAfter parts: Int?) throws -> Data {
      let url = folder.file(name)
      if let parts {
        do {
          let file = try SyntheticFile(url, settings: settings(), resumes: false)
          for number in 0..<parts { try file.append(part(number).lines, part(number).rows) }
        }
        let partial = try FileHandle(forWritingTo: URL(fileURLWithPath: url.path + ".partial"))
        try partial.seekToEnd()
        try partial.write(contentsOf: Data("half a ro".utf8))
        try partial.close()
        #expect(throws: SyntheticError.self) { try SyntheticFile(url, settings: settings(), resumes: false) }
        if parts > 0 {
          #expect(throws: SyntheticError.self) {
            try SyntheticFile(url, settings: settings(beam: 1), resumes: true)
          }
        }
      }
      let file = try SyntheticFile(url, settings: settings(), resumes: parts != nil)
      #expect(file.counts.lines == 2 * (parts ?? 0))
      var sources: [String] = []
      try file.visitSources { sources.append($0) }
      #expect(sources == (0..<(parts ?? 0)).map { "source \($0)" })
      for number in 0..<(parts ?? 0) { file.skip(part(number).lines) }
      try file.checkSkipped()
      for number in (parts ?? 0)..<3 { try file.append(part(number).lines, part(number).rows) }
      _ = try file.finish()
      return try Data(contentsOf: url) + Data(contentsOf: SyntheticManifest.url(beside: url))
    }
    #expect(try write("cut.tsv", interruptedAfter: parts) == write("whole.tsv", interruptedAfter: nil))
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let url = folder.file("pairs.tsv")
    func message(_ body: () throws -> Void) -> String { failureMessage(body) }
    do {
      let file = try SyntheticFile(url, settings: settings(), resumes: false)
      try file.append(part(0).lines, part(0).rows)
    }
    do {
      let file = try SyntheticFile(url, settings: settings(), resumes: true)
      file.skip(["other", "text"])
      #expect(
        message { try file.checkSkipped() }.contains("was begun with another text, whose first 2 lines"))
    }
    do {
      let file = try SyntheticFile(url, settings: settings(), resumes: true)
      file.skip(part(0).lines)
      _ = try file.finish()
    }
    let foreign = Digest(of: "other")
    #expect(
      message { _ = try SyntheticPairs(url, tokenizer: foreign) }.contains(
        "its pairs were made with tokenizer \(tokenizer.digest.short), and the model to train has \(foreign.short)"
      ))
    try Data("source 0\ttarget 1\tback-translation\t-0.5\tx\n".utf8).write(to: url)
    #expect(
      message { _ = try SyntheticPairs(url, tokenizer: tokenizer.digest) }.contains("its digest differs"))
    try FileManager.default.removeItem(at: SyntheticManifest.url(beside: url))
    #expect(
      message { _ = try SyntheticPairs(url, tokenizer: tokenizer.digest) }.contains(
        "has no pairs.tsv.json beside it"))
  }
}
