import ClozeEvaluation
import ClozeTestSupport
import Foundation
import Testing

/// A checkpoint's manifest vouches for every file beside it, and for itself.
@Suite struct CheckpointManifestTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("weights", to: "model.safetensors")
    var cursor = RunCursor()
    cursor.step = 1234
    cursor.seconds = 0.1 + 0.2
    cursor.bestScore = -5.123456789
    cursor.anchorStep = 1000
    try CheckpointManifest.write(
      to: folder.url, purpose: "pretrain", cursor: cursor, identities: ["data": "d"])
  }

  private func change(_ text: String, to other: String) throws {
    let manifest = String(
      decoding: try Data(contentsOf: folder.file("checkpoint.json")), as: UTF8.self)
    try #require(manifest.contains(text))
    try folder.write(manifest.replacing(text, with: other), to: "checkpoint.json")
  }

  @Test func whatWasWrittenIsWhole() throws {
    let manifest = try CheckpointManifest.verified(folder.url)
    #expect(manifest.cursor.step == 1234)
    #expect(manifest.cursor.seconds == 0.1 + 0.2)
    #expect(manifest.cursor.batch == 1234)
  }

  @Test(arguments: [
    ("\"step\" : 1234", "\"step\" : 1235"), ("\"anchorStep\" : 1000", "\"anchorStep\" : 1001"),
    ("-5.123456789", "-5.123456788"), ("anchorStep", "anchorStop"), ("\"pretrain\"", "\"pretrein\""),
    ("\"data\" : \"d\"", "\"data\" : \"e\""),
  ])
  func aChangedFigureIsDamage(text: String, other: String) throws {
    try change(text, to: other)
    #expect {
      try CheckpointManifest.verified(folder.url)
    } throws: {
      "\($0)".contains("is damaged, checkpoint.json differs from its digest")
    }
  }

  /// A file that cannot be read may be whole, so an older checkpoint must not take its place. Such as here a link to itself.
  @Test func aFileThatCannotBeReadIsNoDamage() throws {
    let file = folder.file("model.safetensors")
    try FileManager.default.removeItem(at: file)
    #expect(throws: CheckpointError.self) { try CheckpointManifest.verified(folder.url) }
    try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: file.path)
    #expect {
      try CheckpointManifest.verified(folder.url)
    } throws: {
      "\($0)".contains("model.safetensors: cannot be read")
    }
  }

  /// As checkpoints were written before they had one.
  @Test func aManifestWithoutADigestIsRead() throws {
    let data = try Data(contentsOf: folder.file("checkpoint.json"))
    var manifest = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(manifest.removeValue(forKey: "digest") != nil)
    try JSONSerialization.data(withJSONObject: manifest).write(to: folder.file("checkpoint.json"))
    #expect(try CheckpointManifest.verified(folder.url).digest == nil)
    try folder.write("weighty", to: "model.safetensors")
    #expect(throws: CheckpointError.self) { try CheckpointManifest.verified(folder.url) }
  }

  /// Nothing is added to a step that has no next one.
  @Test(arguments: [Int.max, -1])
  func numbersThatNoRunHas(step: Int) throws {
    let data = try Data(contentsOf: folder.file("checkpoint.json"))
    var manifest = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    manifest["digest"] = nil
    var cursor = try #require(manifest["cursor"] as? [String: Any])
    cursor["step"] = step
    manifest["cursor"] = cursor
    try JSONSerialization.data(withJSONObject: manifest).write(to: folder.file("checkpoint.json"))
    #expect {
      try CheckpointManifest.verified(folder.url)
    } throws: {
      "\($0)".contains("checkpoint.json has numbers that no run has")
    }
  }
}
