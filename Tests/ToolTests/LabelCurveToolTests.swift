import ClozeTestSupport
import Foundation
import Testing

/// `finetune --label-curve` as a user meets it.
@Suite struct LabelCurveToolTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    let rows = (0..<40).map {
      "\($0 % 2 == 0 ? "even" : "odd")\tThe dog sees the \($0 % 2 == 0 ? "bird" : "house") \($0)."
    }
    try work.folder.write(rows[..<24].joined(separator: "\n"), to: "train.tsv")
    try work.folder.write(rows[24..<32].joined(separator: "\n"), to: "validation.tsv")
    try work.folder.write(rows[32...].joined(separator: "\n"), to: "test.tsv")
  }

  private func finetune(_ options: String...) throws -> Program.Result {
    let arguments = [
      "--task", "classification", "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv",
      "--output", "study", "--set", "stop.steps=2", "--set", "compute.workers=1",
      "--set", "batch.maximumLength=32",
    ]
    return try Program("finetune", arguments + options, in: work.folder).wait()
  }

  @Test func aCurveIsPlannedMadeAndNotMadeTwice() throws {
    let curve = ["--label-curve", "8,all", "--test", "test.tsv", "--seeds", "2", "--trials", "1"]
    let plan = try finetune(curve[0], curve[1], curve[2], curve[3], "--seeds", "2", "--trials", "1", "--plan")
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(plan.output.contains("8: 2 arms, 2 sizes, 1 trials, 2 seeds"))
    #expect(!work.exists("study"))

    let first = try finetune(curve[0], curve[1], curve[2], curve[3], "--seeds", "2", "--trials", "1")
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.contains("from scratch") && first.output.contains("rows worth"))
    #expect(first.errors.contains("run 8 of 8"))
    #expect(work.exists("study/curve.svg"))
    let json = try work.bytes("study/curve.json")
    let again = try finetune(
      curve[0], curve[1], curve[2], curve[3], "--seeds", "2", "--trials", "1", "--resume")
    #expect(again.status == 0, "\(again.errors)")
    #expect(again.output == first.output)
    #expect(try work.bytes("study/curve.json") == json)
    #expect(!again.errors.contains("loss"))
  }

  @Test(arguments: [
    (["--label-curve", "8"], 64, "--label-curve needs --test FILE"),
    (["--test", "test.tsv"], 64, "--test, --plan, --seeds and --trials go with --label-curve"),
    (["--label-curve", "8,100", "--test", "test.tsv"], 65, "100 is more than the 24 rows of"),
    (["--label-curve", "20,8", "--test", "test.tsv"], 64, "8 comes after 20"),
    (["--label-curve", "8", "--test", "none.tsv"], 66, "none.tsv"),
    (["--label-curve", "8", "--test", "test.tsv", "--trials", "0"], 64, "--trials is 0; choose 1 to 9"),
    (["--label-curve", "8", "--test", "test.tsv", "--freeze", "encoder"], 64, "leave out"),
    (["--label-curve", "8", "--test", "test.tsv", "--set", "optimizer.freeze=encoder"], 64, "choose none"),
    (["--label-curve", "8", "--test", "train.tsv", "--strict"], 65, "are training samples as well"),
    (["--label-curve", "8", "--test", "test.tsv", "--resume"], 64, "no study to resume"),
  ]) func wrongOptions(options: [String], status: Int32, message: String) throws {
    let arguments = [
      "--task", "classification", "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv",
      "--output", "study",
    ]
    let result = try Program("finetune", arguments + options, in: work.folder).wait()
    #expect(
      result.status != 0 && (status == 66 || result.status == status), "\(result.status) \(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(!work.exists("study"))
  }
}
