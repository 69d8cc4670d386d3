import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// One lie a test: each is found, and named, before it does harm.
@Suite struct HostileShardTests {
  private let temporary: TemporaryFolder
  private var folder: URL { temporary.url }
  private var shard: URL { temporary.file("train-00000.zst") }

  init() throws {
    temporary = try TemporaryFolder()
    try DataFixture.write(DataFixture.documents(30, maximumLength: 50), to: temporary.url)
  }

  /// What reading all of the data says.
  private func complaint() -> String {
    failureMessage {
      let dataset = try TokenDataset(folder: folder, split: .train)
      _ = try dataset.tokens(in: 0..<dataset.tokenCount)
      _ = try dataset.unigramCounts()
      if let problem = try DataFixture.wrongDigests(folder).first { throw problem }
    }
  }

  private func expectComplaint(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let found = complaint()
    #expect(found.contains(text), "\(found)", sourceLocation: sourceLocation)
    #expect(found.hasPrefix(folder.path), "\(found)", sourceLocation: sourceLocation)
  }

  /// Replaces a frame by what `change` makes of its inflated bytes, and mends every number and digest.
  private func forgeFrame(_ number: Int, _ change: (inout ShardFrame) -> Void) throws {
    let dataset = try TokenDataset(folder: folder, split: .train)
    var frames = try (0..<dataset.frameCount).map { try dataset.frame($0) }
    change(&frames[number])
    try write(frames)
  }

  /// Writes frames as one shard whose every number and digest is right, whatever the frames hold.
  private func write(_ frames: [ShardFrame], split: Split = .train, numbers: [Int]? = nil) throws {
    var data = Data()
    var entries: [DataIndex.Frame] = []
    var table = SeekTable()
    for (number, frame) in frames.enumerated() {
      let bytes = frame.encoded(split: split, number: numbers?[number] ?? number, tokenBits: 16)
      let compressed = try ZstdFrame.compress(bytes, level: 9)
      entries.append(
        .init(
          offset: data.count, size: compressed.count, tokens: frame.tokens.count,
          documents: frame.documentEnds.count, continues: frame.continues, digest: Digest(of: Data(bytes))))
      table.entries.append((UInt32(compressed.count), UInt32(bytes.count)))
      data.append(contentsOf: compressed)
    }
    data.append(contentsOf: table.encoded())
    try data.write(to: shard)
    try DataFixture.editIndex(folder) {
      $0.train.files = [
        .init(name: "train-00000.zst", size: data.count, digest: Digest(of: data), frames: entries)
      ]
    }
  }

  @Test func wholeDataHaveNoComplaint() throws {
    #expect(complaint() == "")
    try forgeFrame(0) { _ in }
    #expect(complaint() == "")
  }

  @Test func noIndex() throws {
    try FileManager.default.removeItem(at: temporary.file("index.json"))
    expectComplaint("holds no index.json")
  }

  @Test(arguments: ["", "[]", "{\"version\":2}", "{\"version\":\"x\"}", "{", "null"])
  func malformedIndex(text: String) throws {
    try temporary.write(text, to: "index.json")
    expectComplaint("is no index of a data folder")
  }

  /// One change to a good index each: a value of another kind, a number beyond 64 bits, a key that is gone.
  @Test(arguments: [
    (#""tokenBits":16"#, #""tokenBits":"16""#), (#""tokenBits":16"#, #""tokenBits":16.5"#),
    (#""seed":3"#, #""seed":-3"#), (#""seed":3"#, #""seed":18446744073709551616"#),
    (#""continues":false"#, #""continues":0"#), (#""frames":["#, #""frames":[{},"#),
    (#""frames":["#, #""frames":[null,"#), (#""offset":0,"#, ""), (#""unigrams":"#, #""unigram":"#),
    (#""unigrams":""#, #""unigrams":"0"#), (#""name":"train-00000.zst""#, #""name":null"#),
  ])
  func malformedIndexEntry(original: String, lie: String) throws {
    let text = try String(contentsOf: temporary.file("index.json"), encoding: .utf8)
    let changed = text.replacingOccurrences(of: original, with: lie)
    try #require(changed != text)
    try temporary.write(changed, to: "index.json")
    expectComplaint("is no index of a data folder")
  }

  /// A later version may have any form: its number is what is complained of.
  @Test func unknownVersionOfAnotherForm() throws {
    try temporary.write(#"{"shards":[{"a":1}],"version":7}"#, to: "index.json")
    expectComplaint("format version 7")
  }

  @Test func unknownVersion() throws {
    try DataFixture.editIndex(folder) { $0.version = 1 }
    expectComplaint("format version 1")
  }

  @Test(arguments: ["../train-00000.zst", "/etc/passwd", "train-00001.zst", ""])
  func foreignName(name: String) throws {
    try DataFixture.editIndex(folder) { $0.train.files[0].name = name }
    expectComplaint("where 'train-00000.zst' belongs")
  }

  @Test func numbersOutOfBounds() throws {
    let original = try Data(contentsOf: temporary.file("index.json"))
    let lies: [(inout DataIndex) -> Void] = [
      { $0.vocabularySize = -1 }, { $0.vocabularySize = 0 }, { $0.tokenBits = 8 }, { $0.tokenBits = 32 },
      { $0.train.words = -1 }, { $0.train.files[0].frames[1].tokens = Int.max },
      { $0.train.files[0].frames[1].tokens = 0 }, { $0.train.files[0].frames[1].size = -5 },
      { $0.train.files[0].frames[1].size = 1 << 40 }, { $0.train.files[0].frames[1].offset = -1 },
      { $0.train.files[0].frames[1].offset += 1 }, { $0.train.files[0].frames[1].documents = 1 << 30 },
    ]
    for lie in lies {
      try original.write(to: temporary.file("index.json"))
      try DataFixture.editIndex(folder, lie)
      expectComplaint("which no data folder has")
    }
  }

  @Test func countsDisagree() throws {
    let original = try Data(contentsOf: temporary.file("index.json"))
    let lies: [(inout DataIndex) -> Void] = [
      { $0.train.tokens += 1 }, { $0.train.documents -= 1 }, { $0.train.files[0].size += 1 },
    ]
    for lie in lies {
      try original.write(to: temporary.file("index.json"))
      try DataFixture.editIndex(folder, lie)
      expectComplaint("its parts add up to")
    }
  }

  @Test(arguments: [
    UnknownText(
      characters: 10, tooLong: 0, scripts: ["Thai": 11], commonest: [], longestWord: 100, normalization: nil),
    UnknownText(
      characters: 10, tooLong: -1, scripts: [:], commonest: [], longestWord: 100, normalization: nil),
    UnknownText(
      characters: .max, tooLong: 0, scripts: ["A": .max, "B": .max], commonest: [], longestWord: 100,
      normalization: nil),
    UnknownText(
      characters: 10, tooLong: 0, scripts: ["\u{1B}[2J": 1], commonest: [], longestWord: 100,
      normalization: nil),
    UnknownText(
      characters: 10, tooLong: 0, scripts: [:], commonest: [], longestWord: 0, normalization: nil),
    UnknownText(
      characters: 10, tooLong: 0, scripts: [:], commonest: [], longestWord: 100, normalization: "\u{1B}"),
  ])
  func unknownTextThatIsNone(unknownText: UnknownText) throws {
    try DataFixture.editIndex(folder) { $0.unknownText = unknownText }
    expectComplaint("states counts of unknown text that no text has")
  }

  @Test func unknownTextReadsBack() throws {
    let unknownText = UnknownText(
      characters: 1 << 52, tooLong: 3, scripts: ["Thai": 7, "Old Persian": 1],
      commonest: [.init(scalar: 0xE01, count: 5), .init(scalar: 0x10FFFF, count: 1)], longestWord: 400,
      normalization: "NFKC")
    try DataFixture.editIndex(folder) { $0.unknownText = unknownText }
    #expect(try DataIndex.read(folder: folder).index.unknownText == unknownText)
  }

  @Test func entropyThatIsNone() throws {
    try DataFixture.editIndex(folder) { $0.unigramEntropy = -1 }
    expectComplaint("an entropy of -1")
  }

  @Test func endInsideADocument() throws {
    try DataFixture.editIndex(folder) {
      let file = $0.train.files.count - 1
      $0.train.files[file].frames[$0.train.files[file].frames.count - 1].continues = true
    }
    expectComplaint("inside a document")
  }

  @Test func splitMissing() throws {
    #expect(
      failureMessage { _ = try TokenDataset(folder: folder, split: .validation) }
        .contains("no documents in the validation split"))
  }

  @Test func shardCutShort() throws {
    try DataFixture.edit(shard) { $0.removeLast(20) }
    expectComplaint("the index states")
  }

  @Test func shardMissing() throws {
    try FileManager.default.removeItem(at: shard)
    expectComplaint("does not exist")
  }

  @Test func shardIsADirectory() throws {
    try FileManager.default.removeItem(at: shard)
    try FileManager.default.createDirectory(at: shard, withIntermediateDirectories: false)
    expectComplaint("is a directory")
  }

  @Test func seekTableMissing() throws {
    try DataFixture.edit(shard) { $0[$0.count - 1] ^= 1 }
    expectComplaint("its seek table is missing")
  }

  @Test func seekTableDisagrees() throws {
    try DataFixture.edit(shard) { $0[$0.count - 20] ^= 1 }
    expectComplaint("does not agree with the index")
  }

  @Test func frameIsNoZstd() throws {
    try DataFixture.edit(shard) { $0[0] ^= 1 }
    expectComplaint("frame 0 cannot be inflated (it has no zstd header)")
  }

  @Test func frameIsDamaged() throws {
    try DataFixture.edit(shard) { $0[40] ^= 1 }
    expectComplaint("frame 0 cannot be inflated")
  }

  /// The header of a frame claims more than the index allows: nothing is allocated for it.
  @Test func frameClaimsMore() throws {
    let dataset = try TokenDataset(folder: folder, split: .train)
    let entry = dataset.index.train.files[0].frames[1]
    let bomb = try ZstdFrame.compress([UInt8](repeating: 0, count: 1 << 20), level: 9)
    #expect(bomb.count <= entry.size)
    try DataFixture.edit(shard) { $0.replaceSubrange(entry.offset..<entry.offset + bomb.count, with: bomb) }
    expectComplaint("frame 1 claims 1048576 bytes")
  }

  @Test func frameDigest() throws {
    try DataFixture.editIndex(folder) { $0.train.files[0].frames[2].digest = Digest(of: "other") }
    expectComplaint("frame 2 does not have the digest")
  }

  @Test func fileDigest() throws {
    try DataFixture.editIndex(folder) { $0.train.files[0].digest = Digest(of: "other") }
    expectComplaint("train-00000.zst: does not have the digest")
  }

  @Test func documentEndsDescend() throws {
    try forgeFrame(0) { $0.documentEnds[0] = 0 }
    expectComplaint("do not ascend")
  }

  /// Two frames whose places were changed, with every number and digest of the index mended.
  @Test func framesInEachOthersPlace() throws {
    try forgeFrame(0) { _ in }
    let dataset = try TokenDataset(folder: folder, split: .train)
    var frames = try (0..<dataset.frameCount).map { try dataset.frame($0) }
    frames.swapAt(0, 1)
    try write(frames, numbers: [1, 0] + Array(2..<frames.count))
    expectComplaint("frame 0 has a head that is that of frame 1 of the train split")
  }

  @Test func frameOfTheOtherSplit() throws {
    try forgeFrame(0) { _ in }
    let dataset = try TokenDataset(folder: folder, split: .train)
    try write(try (0..<dataset.frameCount).map { try dataset.frame($0) }, split: .validation)
    expectComplaint("of the validation split")
  }

  @Test func quarantineBeyondTheFrames() throws {
    let original = try Data(contentsOf: temporary.file("index.json"))
    for list in [[-1], [1 << 40], [3, 3], [5, 2]] {
      try original.write(to: temporary.file("index.json"))
      try DataFixture.editIndex(folder) { $0.train.quarantine = list }
      expectComplaint("a frame in quarantine is")
    }
  }

  /// A number in the list that is in a shard as well: every frame after it would be another than it says.
  @Test func quarantineOfAFrameThatIsThere() throws {
    try DataFixture.editIndex(folder) { index in
      index.train.quarantine = [1]
      if index.train.files[0].frames[0].continues { index.train.documents += 1 }
    }
    expectComplaint("frame 2 has a head that is that of frame 1")
  }

  @Test func documentEndsContradictTheIndex() throws {
    try DataFixture.editIndex(folder) { $0.train.files[0].frames[0].continues.toggle() }
    expectComplaint("contradict the index")
  }

  @Test func tokenOutsideVocabulary() throws {
    try forgeFrame(1) { $0.tokens[3] = 200 }
    expectComplaint("frame 1 holds token 200, the vocabulary has 200")
  }

  @Test func unigramsOfWrongSize() throws {
    try DataFixture.edit(temporary.file("unigrams.bin")) { $0.removeLast() }
    expectComplaint("is 1599 bytes long")
  }

  @Test func unigramsOfWrongDigest() throws {
    try DataFixture.edit(temporary.file("unigrams.bin")) { $0[80] ^= 1 }
    expectComplaint("unigrams.bin: does not have the digest")
  }

  @Test(arguments: [UInt8(0), 255])
  func unigramsOfWrongSum(byte: UInt8) throws {
    try DataFixture.edit(temporary.file("unigrams.bin")) { data in
      for i in data.indices { data[i] = byte }
    }
    let digest = Digest(of: try Data(contentsOf: temporary.file("unigrams.bin")))
    try DataFixture.editIndex(folder) { $0.unigrams = digest }
    expectComplaint(byte == 0 ? "counts 0 tokens" : "counts that no corpus has")
  }
}
