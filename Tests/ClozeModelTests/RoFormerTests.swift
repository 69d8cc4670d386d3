import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// The values that `transformers` gives for RoFormer, which is BERT with rotary positions, in `Fixtures/roformer`.
@Suite struct RoFormerTests {
  private let reference = ReferenceModels(folder: "roformer")

  /// The gradients of the file, whose rows of queries and keys are paired with their neighbours in place of the other half.
  private func gradient(_ file: TensorFile) -> (ArchiveEntry) throws -> [Float] {
    { entry in
      let values = try file.floats(entry.name.replacingOccurrences(of: "bert.", with: "roformer."))
      guard !entry.name.contains("crossattention"),
        entry.name.contains("self.query") || entry.name.contains("self.key")
      else { return values }
      let (headWidth, width) = (8, values.count / entry.shape[0])
      return (0..<entry.shape[0]).flatMap { row in
        let (head, element) = (row / headWidth, row % headWidth)
        let other = head * headWidth + (element < 4 ? 2 * element : 2 * (element - 4) + 1)
        return values[other * width..<(other + 1) * width]
      }
    }
  }

  @Test func maskedLanguageModel() throws {
    let model = try ModelArchive.loadMaskedLanguageModel(
      Fixtures.url("roformer/masked"), precision: .float32
    ).model
    #expect(model.configuration.positions == .rotary && model.configuration.normPosition == .post)
    try reference.expectMaskedValues(model, gradient: gradient(reference.file("masked.gradients")))
  }

  @Test func tagger() throws { try reference.expectLogits("tokens", .tagging) }

  @Test func translator() throws {
    try reference.expectTranslatorValues(gradient: gradient(reference.file("translator.gradients")))
  }

  @Test(arguments: ["masked", "tokens", "translator"])
  func writtenAsRead(name: String) throws { try reference.expectWrittenAsRead(name, padding: 0) }

  @Test(arguments: [
    ("rotary_value\": false", "rotary_value\": true", "rotated values ('rotary_value')"),
    (
      "num_attention_heads\": 2", "num_attention_heads\": 0",
      "not a multiple of twice 'num_attention_heads', 0"
    ),
    (
      "num_attention_heads\": 2", "num_attention_heads\": 16",
      "not a multiple of twice 'num_attention_heads', 16"
    ),
  ])
  func settingsThatAreRefused(old: String, new: String, message: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixtures.url("roformer/masked")
    let settings = try String(contentsOf: source.appendingPathComponent("config.json"), encoding: .utf8)
    #expect(settings.contains(old))
    _ = try folder.write(settings.replacingOccurrences(of: old, with: new), to: "config.json")
    try FileManager.default.copyItem(
      at: source.appendingPathComponent("model.safetensors"),
      to: folder.url.appendingPathComponent("model.safetensors"))
    let found = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(found.contains(message), "\(found)")
  }
}
