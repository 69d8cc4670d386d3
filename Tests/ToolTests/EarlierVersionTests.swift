import ClozeTestSupport
import Foundation
import Testing

/// Folders that version 0.1 wrote before samples were drawn over the whole split: they are read, and runs resume.
@Suite struct EarlierVersionTests {
  private let work: Workplace

  init() throws {
    work = try Workplace(isEmpty: true)
    for name in ["data", "run", "small.yaml"] {
      try FileManager.default.copyItem(
        at: Fixtures.url("version-0.1").appendingPathComponent(name), to: work.folder.file(name))
    }
  }

  @Test func aDataFolderIsWhole() throws {
    let result = try work.succeed("tokenize", "--verify", "data")
    #expect(try work.table(result.output)["problems"] == "0")
    #expect(try work.succeed("tokenize", "--inspect", "data", "0").output.contains("the"))
  }

  /// From step 10 on with the same text, order, masks and moments: the loss is the one that the earlier version logged when
  /// it took these steps itself.
  @Test func aRunResumes() throws {
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "data", "--output", "run", "--set", "stop.steps=15",
      "--resume")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("resumed at step 10 from "))
    let last = try work.lines("run/metrics.jsonl").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }.last { $0["event"] as? String == "train" }
    #expect(last?["step"] as? Int == 15)
    #expect(abs((last?["loss"] as? Double ?? 0) - 4.2182623) < 1e-3)
  }

  @Test func aModelIsEvaluated() throws {
    #expect(try work.succeed("evaluate", "--model", "run", "--data", "data").output.contains("|tokenizer:"))
  }
}
