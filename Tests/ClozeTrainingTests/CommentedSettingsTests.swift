import ClozeCore
import ClozeEvaluation
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// The commented files in `configs/` name every setting with its default; the demo's files are read without complaint.
@Suite struct CommentedSettingsTests {
  private static func url(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).appendingPathComponent("../../../configs/\(name)").standardized
  }

  @Test func pretrainingDefaults() throws {
    let settings = try PretrainConfiguration.load(file: Self.url("pretrain.yaml"), overrides: [])
    #expect(settings == PretrainConfiguration())
    #expect(try Self.keys(of: "pretrain.yaml") == Self.keys(in: PretrainConfiguration().yaml()))
  }

  @Test func finetuningDefaults() throws {
    let settings = try FinetuneConfiguration.load(file: Self.url("finetune.yaml"), overrides: [])
    #expect(settings == FinetuneConfiguration())
    #expect(try Self.keys(of: "finetune.yaml") == Self.keys(in: FinetuneConfiguration().yaml()))
  }

  @Test func labelDefaults() throws {
    let settings = try LabelConfiguration.load(file: Self.url("labels.yaml"), overrides: [])
    #expect(settings == LabelConfiguration())
    #expect(try Self.keys(of: "labels.yaml") == Self.keys(in: LabelConfiguration().yaml()))
  }

  @Test func demoSettings() throws {
    _ = try PretrainConfiguration.load(file: Self.url("pretrain-demo.yaml"), overrides: [])
    _ = try PretrainConfiguration.load(file: Self.url("pretrain-mixed.yaml"), overrides: [])
    _ = try FinetuneConfiguration.load(file: Self.url("finetune-demo.yaml"), overrides: [])
    _ = try PretrainConfiguration.load(file: Self.url("denoise.yaml"), overrides: [])
    _ = try FinetuneConfiguration.load(file: Self.url("finetune-few.yaml"), overrides: [])
    let replaced = try PretrainConfiguration.load(file: Self.url("replaced-tokens.yaml"), overrides: [])
    #expect(replaced.objective == .replacedTokens)
    _ = try FinetuneConfiguration.load(file: Self.url("finetune-many.yaml"), overrides: [])
    _ = try FinetuneConfiguration.load(file: Self.url("finetune-rewards.yaml"), overrides: [])
    _ = try PretrainConfiguration.load(file: Self.url("modernbert.yaml"), overrides: [])
  }

  private static func keys(of name: String) throws -> [String] {
    keys(in: String(decoding: try Data(file: url(name)), as: UTF8.self))
  }

  /// The keys with their indents, in the order of the text.
  private static func keys(in yaml: String) -> [String] {
    yaml.split(separator: "\n").compactMap { line in
      line.contains(":") && !line.drop(while: { $0 == " " }).hasPrefix("#")
        ? String(line.prefix { $0 != ":" }) : nil
    }
  }
}
