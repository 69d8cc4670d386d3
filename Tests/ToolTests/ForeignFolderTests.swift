import ClozeTestSupport
import Foundation
import Testing

/// Folders that somebody else filled, with links and pipes where files belong.
@Suite struct ForeignFolderTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.folder.write("precious", to: "precious")
  }

  private func plant(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(
      at: work.folder.file(name), withDestinationURL: work.folder.file(target))
  }

  private func replaceByPipe(_ name: String) throws {
    try? FileManager.default.removeItem(at: work.folder.file(name))
    try #require(mkfifo(work.folder.file(name).path, 0o600) == 0)
  }

  @Test func aRepairWritesThroughNoLink() throws {
    let before = try work.contents("shards")
    for name in ["train-00000.zst", "index.json"] { try plant("shards/\(name).partial", to: "precious") }
    var shard = try work.bytes("shards/train-00000.zst")
    shard.removeLast()
    try shard.write(to: work.folder.file("shards/train-00000.zst"))
    try FileManager.default.removeItem(at: work.folder.file("shards/index.json"))
    try work.succeed("tokenize", "--repair", "shards")
    #expect(try work.bytes("precious") == Data("precious".utf8))
    #expect(try work.names("shards").allSatisfy { !$0.hasSuffix(".partial") })
    let mended = try work.contents("shards")
    for (name, bytes) in before { #expect(mended[name] == bytes, "\(name)") }
  }

  /// A folder that looks like one whose files wait to be moved, and is a link to another one.
  @Test func aRepairMovesNoOtherFoldersFiles() throws {
    let before = try work.contents("shards")
    try FileManager.default.copyItem(at: work.folder.file("shards"), to: work.folder.file("foreign"))
    try plant("foreign/incoming.partial", to: "shards")
    try work.succeed("tokenize", "--repair", "foreign")
    #expect(try work.contents("shards") == before)
  }

  @Test func aRunLockFollowsNoLink() throws {
    try FileManager.default.createDirectory(
      at: work.folder.file("run"), withIntermediateDirectories: true)
    try plant("run/run.lock", to: "precious")
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run")
    #expect(
      result.status == 74 && result.errors.contains("a symbolic link is in its place"), "\(result.errors)")
    #expect(try work.bytes("precious") == Data("precious".utf8))
  }

  /// A tool that waits for a pipe waits for ever, and is killed.
  private let limit = "exec timeout -s KILL 100 \"$0\" \"$@\";"

  private func limited(_ arguments: String...) throws -> Program.Result {
    try Program("tokenize", arguments, setup: limit, in: work.folder).wait()
  }

  @Test(arguments: ["index.json", "train-00000.zst", "tokenizer.json", "provenance.json"])
  func aPipeIsRefused(name: String) throws {
    try replaceByPipe("shards/\(name)")
    let result = try limited("--verify", "shards")
    #expect(
      [65, 74].contains(result.status)
        && result.errors.contains("\(name): is a pipe or a device; put a file"),
      "\(result.status) \(result.errors)")
    if name == "index.json" {
      let shown = try limited("--inspect", "shards")
      #expect(shown.status == 65 && shown.errors.contains("index.json: is a pipe"), "\(shown.errors)")
    }
  }

  /// A pipe that the user names is text to wait for; one that lies in a folder of text is none.
  @Test func aPipeThatIsNamedIsRead() throws {
    try FileManager.default.createDirectory(at: work.folder.file("texts"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: work.folder.file("corpus.txt"), to: work.folder.file("texts/a.txt"))
    try replaceByPipe("texts/b.txt")
    let more = ["--tokenizer", "shards", "--validation-rate", "0.1"]
    let folder = try Program(
      "tokenize", ["texts", "--output", "folder"] + more, setup: limit, in: work.folder
    ).wait()
    try #require(folder.status == 0, "\(folder.status) \(folder.errors)")
    let named = try Program(
      "tokenize", ["pipe", "--output", "named"] + more,
      setup: "mkfifo pipe; timeout 100 sh -c 'cat corpus.txt > pipe' & \(limit)", in: work.folder
    ).wait()
    try #require(named.status == 0, "\(named.status) \(named.errors)")
    try work.expectEqual("named", "folder")
  }
}
