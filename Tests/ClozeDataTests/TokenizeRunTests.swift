import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// When `tokenize` resumes an unfinished run, and when it encodes all documents anew. Whatever it decides, the folder has the
/// bytes of a run that was never interrupted.
///
/// The unfinished run is one that ended because too much of its text is unknown: it leaves its checkpoints.
@Suite struct TokenizeRunTests {
  private let temporary: TemporaryFolder
  private let known: TokenizerSource
  private let documents: [String]
  private static let tokenizerPieces = ["a", "b", "c", "##a", "##b", "##c", ".", "ab", "##ca"]

  /// Documents of words that the tokenizer spells, and of as many that it does not.
  init() throws {
    temporary = try TemporaryFolder()
    let vocabulary = try Vocabulary(tokens: SpecialTokens.texts + Self.tokenizerPieces)
    known = .given(Tokenizer(vocabulary: vocabulary, normalizer: .cased))
    documents = (0..<200).map { number in
      let letters = String(number, radix: 3).map { ["a", "b", "c"][Int(String($0)) ?? 0] }.joined()
      // A Chinese character of its own, so that no trained vocabulary of this size spells them all.
      let character = String(UnicodeScalar(0x4E00 + UInt32(number)) ?? "?")
      return "\(letters) \(String(repeating: character, count: 12)) \(letters)\(letters)."
    }
    try write(documents, to: "corpus.txt")
  }

  private func write(_ documents: some Collection<String>, to name: String) throws {
    try temporary.write(documents.joined(separator: "\n\n") + "\n", to: name)
  }

  private struct Result {
    var resumedAfter: Int?
    var warnings: [String] = []
    var stages: [String] = []
    var index: DataIndex?
  }

  /// - Parameter finishes: whether unknown text is allowed; if not, the run is left unfinished.
  private func tokenize(
    _ names: [String] = ["corpus.txt"], to folder: String, finishes: Bool, source: TokenizerSource? = nil,
    seed: UInt64 = 1, replacesOtherCorpus: Bool = false
  ) throws -> Result {
    var result = Result()
    var pass = CorpusPass(
      try CorpusInputs(names.map { temporary.file($0).path }), format: CorpusFormat(), seed: seed,
      validationRate: 0.2, pool: WorkerPool(workerCount: 2))
    pass.batchBytes = 500
    let url = temporary.file(folder)
    try Folder.create(url)
    let run = try TokenizeRun(
      pass, source ?? known, layout: DataFixture.smallLayout, folder: url,
      replacesOtherCorpus: replacesOtherCorpus
    ) { event in
      switch event {
      case .resumed(let documents): result.resumedAfter = documents
      case .warning(let text): result.warnings.append(text)
      case .reading(let stage, _): if result.stages.last != stage { result.stages.append(stage) }
      }
    }
    do {
      result.index = try run.encode(checkpointBytes: 1000, allowsUnknown: finishes).1
    } catch is UnreadableText where !finishes {}
    return result
  }

  private func expectSame(_ folder: String, as other: String) throws {
    #expect(
      try DataFixture.contents(temporary.file(folder)) == DataFixture.contents(temporary.file(other)))
  }

  private var trained: TokenizerSource { .trained(VocabularyTrainer(size: 30), .cased) }

  @Test(arguments: [false, true]) func theSameTextAndSettingsResume(trains: Bool) throws {
    let source = trains ? trained : known
    let straight = try tokenize(to: "straight", finishes: true, source: source)
    #expect(straight.resumedAfter == nil)
    #expect(straight.stages == (trains ? ["counting words", "encoding"] : ["encoding"]))
    #expect(try tokenize(to: "data", finishes: false, source: source).index == nil)
    let second = try tokenize(to: "data", finishes: true, source: source)
    #expect(try #require(second.resumedAfter) > 100)
    #expect(second.stages == ["encoding"])
    try expectSame("data", as: "straight")
  }

  @Test(arguments: [false, true]) func theSameTextInOtherFilesResumes(trains: Bool) throws {
    let source = trains ? trained : known
    _ = try tokenize(to: "straight", finishes: true, source: source)
    _ = try tokenize(to: "data", finishes: false, source: source)
    try write(documents[..<70], to: "1.txt")
    try write(documents[70...], to: "2.txt")
    let second = try tokenize(["1.txt", "2.txt"], to: "data", finishes: true, source: source)
    #expect(second.resumedAfter != nil)
    // All of it is compared if the first pass knows its digest; otherwise what lies before the checkpoint.
    #expect(second.stages == [trains ? "surveying" : "comparing", "encoding"])
    try expectSame("data", as: "straight")
  }

  @Test(arguments: [false, true]) func anotherTextBeginsAnew(trains: Bool) throws {
    let source = trains ? trained : known
    _ = try tokenize(to: "data", finishes: false, source: source)
    var others = documents
    others[3] = "ab ca xyzzy."
    try write(others, to: "corpus.txt")
    let second = try tokenize(to: "data", finishes: true, source: source)
    #expect(second.resumedAfter == nil)
    _ = try tokenize(to: "straight", finishes: true, source: source)
    try expectSame("data", as: "straight")
  }

  @Test func otherSettingsBeginAnew() throws {
    _ = try tokenize(to: "data", finishes: false)
    #expect(try tokenize(to: "data", finishes: false, seed: 2).resumedAfter == nil)
    #expect(try tokenize(to: "data", finishes: false, source: trained).resumedAfter == nil)
    #expect(
      try tokenize(to: "data", finishes: true, source: .trained(VocabularyTrainer(size: 31), .cased))
        .resumedAfter == nil)
  }

  /// The last whole frame of a shard is damaged: the writer finds it when it finishes.
  @Test func aDamagedLeftoverIsEncodedAnew() throws {
    _ = try tokenize(to: "straight", finishes: true)
    _ = try tokenize(to: "data", finishes: false)
    let staging = DataFolder(temporary.file("data")).staging.url
    let shard = try #require(
      FileManager.default.contentsOfDirectory(atPath: staging.path).filter { $0.contains("train-") }.min())
    try DataFixture.edit(staging.appendingPathComponent(shard)) { $0[$0.count / 2] ^= 0x40 }
    let second = try tokenize(to: "data", finishes: true)
    #expect(second.resumedAfter == nil || second.warnings.count == 1, "\(second)")
    try expectSame("data", as: "straight")
  }

  @Test func dataOfAnotherCorpusAreKept() throws {
    _ = try tokenize(to: "data", finishes: true)
    let before = try DataFixture.contents(temporary.file("data"))
    try write(documents.dropLast(), to: "corpus.txt")
    #expect {
      try tokenize(to: "data", finishes: true)
    } throws: {
      guard case ShardError.otherCorpus = $0 else { return false }
      return true
    }
    #expect(try DataFixture.contents(temporary.file("data")) == before)
    let forced = try tokenize(to: "data", finishes: true, replacesOtherCorpus: true)
    #expect(forced.index?.corpus != nil && forced.stages == ["encoding"])
  }
}
