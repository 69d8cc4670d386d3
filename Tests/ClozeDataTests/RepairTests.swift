import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// What is left of a data folder becomes a sound one, and nothing more is lost than what was damaged.
@Suite struct RepairTests {
  private let temporary: TemporaryFolder
  private let documents = DataFixture.documents(40, maximumLength: 60)
  private let held = DataFixture.documents(9, maximumLength: 30, seed: 2)
  private let original: [String: Data]
  private var folder: URL { temporary.file("data") }

  init() throws {
    temporary = try TemporaryFolder()
    try DataFixture.writeWhole(documents, validation: held, to: temporary.file("data"))
    original = try DataFixture.contents(temporary.file("data"))
  }

  @discardableResult
  private func repair() throws -> DatasetRepair {
    try DataFolder(folder).repair(pool: WorkerPool(workerCount: 2))
  }

  private func problems() throws -> [String] {
    try DataFolder(folder).verify(pool: WorkerPool(workerCount: 2)).problems.map { "\($0)" }
  }

  private func index() throws -> DataIndex { try DataIndex.read(folder: folder).index }

  private func restore() throws {
    try FileManager.default.removeItem(at: folder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    for (name, data) in original { try data.write(to: folder.appendingPathComponent(name)) }
  }

  private func remove(_ names: String...) throws {
    for name in names { try FileManager.default.removeItem(at: folder.appendingPathComponent(name)) }
  }

  /// All documents of a split, read in one way and by their numbers.
  private func read(_ split: Split) throws -> [[TokenID]] {
    let dataset = try TokenDataset(folder: folder, split: split)
    let documents = try (0..<dataset.documentCount).map { try dataset.document($0) }
    #expect(try dataset.tokens(in: 0..<dataset.tokenCount) == documents.flatMap { $0 })
    return documents
  }

  /// What is left of `documents` without the frames of these numbers, of 64 tokens each.
  private func documents(without lost: [Int]) -> [[TokenID]] {
    var pieces: [[TokenID]] = []
    var open: [TokenID] = []
    var place = 0
    for document in documents {
      for token in document {
        if lost.contains(place / 64) {
          if !open.isEmpty { pieces.append(open) }
          open = []
        } else {
          open.append(token)
        }
        place += 1
      }
      if !open.isEmpty { pieces.append(open) }
      open = []
    }
    return pieces
  }

  @Test func aSoundFolderStaysAsItIs() throws {
    #expect(try problems() == [])
    #expect(try repair().actions == [])
    #expect(try DataFixture.contents(folder) == original)
    #expect(try read(.train) == documents)
    #expect(try read(.validation) == held)
  }

  /// Of a lost index, unigrams or provenance, every byte comes back.
  @Test(arguments: [
    ["index.json"], ["unigrams.bin"], ["provenance.json"], ["index.json", "unigrams.bin"],
    ["unigrams.bin", "provenance.json"],
  ])
  func whatIsLostComesBack(names: [String]) throws {
    for name in names { try remove(name) }
    #expect(try !problems().isEmpty)
    try repair()
    #expect(try DataFixture.contents(folder) == original)
    for name in names {
      try DataFixture.edit(folder.appendingPathComponent(name)) { $0[$0.count / 2] ^= 0x55 }
    }
    try repair()
    #expect(try problems() == [])
    #expect(try DataFixture.contents(folder)["unigrams.bin"] == original["unigrams.bin"])
    for name in names { try Data().write(to: folder.appendingPathComponent(name)) }
    try repair()
    #expect(try DataFixture.contents(folder) == original)
  }

  @Test func withoutIndexAndProvenanceNobodyKnowsTheShards() throws {
    try remove("index.json", "provenance.json")
    #expect(failureMessage { try repair() }.contains("neither index.json nor provenance.json can be read"))
  }

  @Test func anotherTokenizerIsNotMended() throws {
    let other = Tokenizer(vocabulary: try DataFixture.vocabulary(count: 201), normalizer: .cased)
    try other.write(to: folder)
    #expect(try problems().contains { $0.contains("the shards were made with tokenizer") })
    let before = try DataFixture.contents(folder)
    #expect(failureMessage { try repair() }.contains("put the right tokenizer back"))
    #expect(try DataFixture.contents(folder) == before)
  }

  /// Each frame damaged in turn, at its beginning, its middle and its end; with the index and without it.
  @Test(arguments: [false, true]) func aBadFrameGoesIntoQuarantine(losesIndex: Bool) throws {
    let frameCount = try index().train.files.reduce(0) { $0 + $1.frames.count }
    for number in 0..<frameCount {
      var identities: Set<Digest> = []
      for place in 0..<3 {
        try restore()
        let file = try index().train.files[number / 3]
        let frame = file.frames[number % 3]
        try DataFixture.edit(folder.appendingPathComponent(file.name)) {
          $0[frame.offset + [0, frame.size / 2, frame.size - 1][place]] ^= 0x10
        }
        #expect(try problems().contains { $0.contains("hold no whole frame") })
        if losesIndex { try remove("index.json") }
        let repaired = try repair()
        #expect(try problems() == [])
        #expect(repaired.index.train.quarantine == [number])
        #expect(repaired.index.validation == (try DataIndex.read(folder: folder).index.validation))
        #expect(try read(.train) == documents(without: [number]))
        #expect(try read(.validation) == held)
        identities.insert(repaired.identity)
        // The frame is not gone for good.
        let saved = try DataFixture.contents(folder).filter { $0.key.hasPrefix("damaged-") }
        #expect(saved.values.map(\.count) == [frame.size])
        #expect(try repair().actions == [])
      }
      #expect(identities.count == 1)
    }
  }

  /// The order is a function of what is left: windows are those of the documents that are left.
  @Test func windowsGoRoundTheQuarantine() throws {
    let file = try index().train.files[1]
    try DataFixture.edit(folder.appendingPathComponent(file.name)) { $0[file.frames[1].offset + 30] ^= 1 }
    try repair()
    let specials = try DataFixture.vocabulary().specials
    let windows = try PackedWindows(
      TokenDataset(folder: folder, split: .train), windowLength: 37, specials: specials, seed: 5)
    let stream = documents(without: [4]).flatMap { [specials.classification] + $0 + [specials.separator] }
    #expect(windows.streamLength == stream.count)
    for number in 0..<windows.windowCount {
      #expect(try windows.evaluationWindow(number).tokens == Array(stream[37 * number..<37 * number + 37]))
    }
  }

  /// Cut at many places: whole frames before the cut stay.
  @Test(arguments: [false, true]) func aTruncatedTailIsCut(losesIndex: Bool) throws {
    let files = try index().train.files
    let file = try #require(files.last)
    let before = 3 * (files.count - 1)
    for kept in stride(from: 0, to: file.size, by: 7) {
      try restore()
      try DataFixture.edit(folder.appendingPathComponent(file.name)) { $0 = $0.prefix(kept) }
      if losesIndex { try remove("index.json") }
      try repair()
      #expect(try problems() == [])
      let lost = file.frames.enumerated().filter { $0.element.offset + $0.element.size > kept }
        .map { before + $0.offset }
      #expect(try index().train.quarantine == lost)
      #expect(try read(.train) == documents(without: lost))
      if lost.isEmpty { #expect(try DataFixture.contents(folder)["index.json"] == original["index.json"]) }
    }
  }

  @Test(arguments: [0, 1, -1]) func aShardThatIsGone(place: Int) throws {
    let files = try index().train.files
    let number = place < 0 ? files.count - 1 : place
    let lost = (0..<files[number].frames.count).map { 3 * number + $0 }
    try remove(files[number].name)
    #expect(try problems().contains { $0.contains("\(files[number].name): does not exist") })
    try repair()
    #expect(try problems() == [])
    #expect(try index().train.quarantine == lost)
    #expect(try read(.train) == documents(without: lost))
    // Without the index as well: the provenance says how many frames there were.
    try restore()
    try remove(files[number].name, "index.json")
    try repair()
    #expect(try index().train.quarantine == lost)
  }

  /// Two shards under each other's name: what comes too late is not believed.
  @Test func shardsUnderWrongNames() throws {
    let names = try index().train.files.map(\.name)
    let second = try #require(original[names[1]])
    try second.write(to: folder.appendingPathComponent(names[0]))
    #expect(try problems().contains { $0.contains("frame 3 does not lie where the index states it") })
    try repair()
    #expect(try problems() == [])
    #expect(try index().train.quarantine == [0, 1, 2])
    #expect(try read(.train) == documents(without: [0, 1, 2]))
    // Shards of the other split are none of this one.
    try restore()
    let validation = try #require(original["validation-00000.zst"])
    try validation.write(to: folder.appendingPathComponent(names[0]))
    try remove("index.json")
    try repair()
    #expect(try index().train.quarantine == [0, 1, 2])
  }

  /// Bytes that were written over or put between frames take no whole frame with them.
  @Test func garbageBetweenFrames() throws {
    let file = try index().train.files[0]
    let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    let garbage: [[UInt8]] = [
      [0], magic, magic + magic + [0xA0, 0xFF, 0xFF, 0xFF, 0xFF], [0x5E, 0x2A, 0x4D, 0x18, 0, 0, 0, 0],
      [UInt8](repeating: 0, count: 70_000) + magic.prefix(3),
    ]
    for bytes in garbage {
      for place in [0, file.frames[1].offset, file.frames[2].offset + file.frames[2].size, file.size] {
        try restore()
        try DataFixture.edit(folder.appendingPathComponent(file.name)) {
          $0.insert(contentsOf: bytes, at: place)
        }
        try remove("index.json")
        try repair()
        #expect(try index().train.quarantine == [])
        #expect(try DataFixture.contents(folder)["index.json"] == original["index.json"])
        #expect(try DataFixture.contents(folder)[file.name] == original[file.name])
      }
    }
  }

  /// A frame of a claim that would exhaust memory is not inflated.
  @Test func aBombIsBytesThatAreNoFrame() throws {
    let bomb = try ZstdFrame.compress([UInt8](repeating: 0, count: 1 << 26), level: 9)
    let name = try index().train.files[0].name
    try DataFixture.edit(folder.appendingPathComponent(name)) { $0.insert(contentsOf: bomb, at: 0) }
    #expect(try problems().contains { $0.contains("a frame claims 67108864 bytes") })
    try remove("index.json")
    try repair()
    #expect(try DataFixture.contents(folder)["index.json"] == original["index.json"])
  }

  /// Two megabytes in which a frame seems to begin everywhere: some passes over them, not one from each place.
  @Test func beginningsOfFramesEverywhere() throws {
    let beginning: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 1]
    let name = try index().train.files[0].name
    try Data(repeatElement(beginning, count: 220_000).joined())
      .write(to: folder.appendingPathComponent(name))
    try remove("index.json")
    try repair()
    #expect(try index().train.quarantine == [0, 1, 2])
    #expect(try problems() == [])
  }

  /// Killed after the shard was written again and before the index was: the old index is still there.
  @Test func aRepairThatWasKilledIsDoneAgain() throws {
    let file = try index().train.files[0]
    try DataFixture.edit(folder.appendingPathComponent(file.name)) { $0[file.frames[1].offset + 20] ^= 1 }
    let identity = try repair().identity
    for names in [["index.json"], ["index.json", "unigrams.bin"], ["index.json", "provenance.json"]] {
      for name in names { try original[name]?.write(to: folder.appendingPathComponent(name)) }
      #expect(try !problems().isEmpty)
      #expect(try repair().identity == identity)
      #expect(try problems() == [])
    }
  }

  /// An index that reads well and is damaged all the same is not believed.
  @Test func aWrongNumberInTheIndexCostsNoFrame() throws {
    let lies: [(inout DataIndex) -> Void] = [
      { $0.train.files[0].frames[1].digest = Digest(of: "other") }, { $0.seed += 1 },
      { $0.corpus = Digest(of: "other") }, { $0.train.files[1].digest = Digest(of: "other") },
    ]
    for lie in lies {
      try DataFixture.editIndex(folder, lie)
      #expect(try !problems().isEmpty)
      try repair()
      #expect(try DataFixture.contents(folder) == original)
    }
  }

  /// A second loss adds to the first.
  @Test func lossesAddUp() throws {
    for number in [4, 1, 7] {
      let file = try index().train.files[number / 3]
      let place = number == 7 ? number % 3 : 1
      try DataFixture.edit(folder.appendingPathComponent(file.name)) {
        $0[file.frames[place].offset + 20] ^= 1
      }
      try repair()
    }
    #expect(try index().train.quarantine == [1, 4, 7])
    #expect(try read(.train) == documents(without: [1, 4, 7]))
  }

  @Test func verificationListsEverything() throws {
    let files = try index().train.files
    for file in files.prefix(2) {
      try DataFixture.edit(folder.appendingPathComponent(file.name)) { $0[file.frames[0].offset + 20] ^= 1 }
    }
    try DataFixture.edit(folder.appendingPathComponent("validation-00000.zst")) { $0[$0.count - 1] ^= 1 }
    try DataFixture.edit(folder.appendingPathComponent("unigrams.bin")) { $0[80] ^= 1 }
    try remove("vocab.txt", "tokenizer.json", "provenance.json")
    try Data("x".utf8).write(to: folder.appendingPathComponent("train-00099.zst"))
    let found = try problems()
    for text in [
      "\(files[0].name): bytes 0 to", "\(files[1].name): bytes 0 to",
      "validation-00000.zst: its seek table is missing", "unigrams.bin: does not have the digest",
      "provenance.json: does not exist", "train-00099.zst: is no shard of this data folder",
    ] {
      #expect(found.contains { $0.contains(text) }, "\(text)")
    }
    #expect(found.contains { $0.contains("vocab") || $0.contains("tokenizer") })
    #expect(found.allSatisfy { $0.hasPrefix(folder.path) && $0.contains("; ") }, "\(found)")
  }

  /// With the index it is known to be none; without, its number is more than there can be.
  @Test func aShardTooManyIsNamedAndLeft() throws {
    try Data("x".utf8).write(to: folder.appendingPathComponent("train-00099.zst"))
    #expect(try problems().count == 1)
    #expect(try repair().actions == [])
    try remove("index.json")
    #expect(failureMessage { try repair() }.contains("train-00099.zst: is no shard of this data folder"))
  }

  /// Counts that the frames' heads do not bear out.
  @Test func wordsAndBytesAreCountedAgain() throws {
    try DataFixture.editIndex(folder) {
      $0.train.words += 1
      $0.validation.bytes -= 1
    }
    // And that the provenance knows another index.
    #expect(try problems().count == 3)
    try repair()
    #expect(try DataFixture.contents(folder) == original)
  }
}
