import ClozeTestSupport
import Foundation
import Testing

/// The tools on folders that `transformers` has saved.
@Suite struct TransformersFolderTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
  }

  /// A fixture's model with a tokenizer of 30 tokens, two fewer than it has rows, and the settings in `configuration`.
  private func plant(_ fixture: String, configuration: String? = #"{"do_lower_case": true}"#) throws {
    try FileManager.default.copyItem(at: Fixtures.url("models/\(fixture)"), to: work.folder.file("model"))
    let tokens =
      ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "。", "我", "和", "狗", "猫", "i", "and", "the", "cat"]
      + (0..<15).map { "word\($0)" }
    try work.folder.write(tokens.map { $0 + "\n" }.joined(), to: "model/vocab.txt")
    if let configuration { try work.folder.write(configuration, to: "model/tokenizer_config.json") }
  }

  /// Bare encoders and those with another head start a translator, which evaluates and translates.
  @Test(arguments: ["bare", "classifier", "sharded", "float16"])
  func finetuneStartsFromIt(fixture: String) throws {
    try plant(fixture)
    let result = try work.run(
      "finetune", "--config", "finetune.yaml", "--model", "model", "--train", "train.tsv", "--validation",
      "validation.tsv", "--output", "run", "--set", "stop.steps=2", "--set", "batch.maximumLength=16")
    try #require(result.status == 0, "\(result.errors)")
    #expect(
      result.errors.contains("2 tensors of another head are not used, classifier.bias among them")
        == (fixture == "classifier"), "\(result.errors)")
    #expect(try work.succeed("translate", "--model", "run", input: "我。\n").output.hasSuffix("\n"))
    let generation = try JSONSerialization.jsonObject(with: work.bytes("run/best/generation_config.json"))
    let settings = try #require(generation as? [String: Any])
    #expect(settings["decoder_start_token_id"] as? Int == 2 && settings["eos_token_id"] as? Int == 3)
    // The rows 30 and 31 have no token.
    #expect(settings["suppress_tokens"] as? [Int] == [0, 1, 2, 4, 30, 31])
  }

  @Test(arguments: [["--fill", "the [MASK] ."], ["--text", "corpus.txt"]])
  func evaluateSaysThatThereIsNoHead(question: [String]) throws {
    try plant("bare")
    let result = try Program("evaluate", ["--model", "model"] + question, in: work.folder).wait()
    #expect(result.status == 65)
    #expect(
      result.errors.contains(
        "model: is an encoder without a masked-language head (BertModel), which predicts no")
        && result.errors.contains("; start a translator from it with finetune --model"), "\(result.errors)")
  }

  @Test func evaluateFillsWithTokensOnly() throws {
    try plant("mish")
    let output = try work.succeed("evaluate", "--model", "model", "--fill", "the [MASK] .", "--top-k", "100")
      .output
    #expect(output.contains("word14") && !output.contains("[PAD]"), "\(output)")
  }

  /// No tool advises an option that it lacks.
  @Test func aListWithoutSettings() throws {
    try plant("mish", configuration: nil)
    let result = try work.run("evaluate", "--model", "model", "--fill", "the [MASK] .")
    #expect(result.status == 65)
    #expect(
      result.errors.contains(
        "vocab.txt: nothing says whether text is lower-cased; put a tokenizer_config.json with")
        && result.errors.contains("(tokenize also takes --cased and --uncased)"), "\(result.errors)")
  }
}
