import ClozeTestSupport
import Foundation
import Testing

/// Runs that start from the weights of others: with other text, a larger vocabulary, frozen parts.
@Suite struct StartingWeightsTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    // The sizes are the start's, so the settings need not have them.
    let settings = try work.lines("small.yaml").filter { !$0.hasPrefix("model:") }
    try work.folder.write(settings.joined(separator: "\n"), to: "rates.yaml")
  }

  private func pretrain(_ output: String, data: String = "shards", _ options: [String] = []) throws
    -> Program.Result
  {
    let arguments = ["--config", "rates.yaml", "--data", data, "--output", output] + options
    return try Program("pretrain", arguments, in: work.folder).wait()
  }

  private func identities(_ run: String) throws -> [String: String] {
    let json = try JSONSerialization.jsonObject(with: work.bytes("\(run)/latest/checkpoint.json"))
    return try #require((json as? [String: Any])?["identities"] as? [String: String])
  }

  /// With other text: the sizes and weights of the model, a schedule from step 0, and a chain of identities.
  @Test func pretrainingGoesOnWithOtherText() throws {
    let text = (0..<60).map { "The horse and the bird see the doctor \($0 % 7 + 1) \($0)." }
    try work.folder.write(text.joined(separator: "\n\n"), to: "other.txt")
    try work.succeed(
      "tokenize", "other.txt", "--output", "other", "--tokenizer", "run/latest", "--validation-rate", "0.3",
      "--allow-unknown")
    let result = try pretrain("further", data: "other", ["--model", "run", "--set", "stop.steps=6"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("1 layers, hidden 32, 2 heads"))
    #expect(result.errors.contains("loaded from roformer.encoder.layer.0.output.dense.bias"))
    #expect(result.errors.contains("25 tensors loaded, 0 shared, 0 new; 0 frozen"))
    let start = try #require(try identities("further")["start"])
    #expect(start.count == 64)
    #expect(try identities("run")["start"] == nil)
    // On from there, to the next link of the chain.
    #expect(try pretrain("last", data: "other", ["--model", "further", "--set", "stop.steps=1"]).status == 0)
    #expect(try identities("last")["start"] != start)
    let plan = try pretrain("planned", data: "other", ["--model", "run", "--plan", "--set", "stop.steps=6"])
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(plan.output.contains("25 tensors loaded, 0 shared, 0 new; 0 frozen"))
    #expect(!work.exists("planned"))
  }

  /// Ten steps are five and five, and no other start goes on with them.
  @Test func aRunResumesWithItsStartOnly() throws {
    let start = ["--model", "run", "--set", "stop.steps=10"]
    #expect(try pretrain("straight", start).status == 0)
    #expect(try pretrain("broken", start + ["--set", "compute.workers=1"]).status == 0)
    try FileManager.default.removeItem(at: work.folder.file("broken/step-00000010"))
    for link in ["best", "latest"] {
      try FileManager.default.removeItem(at: work.folder.file("broken/\(link)"))
    }
    let before = try work.contents("broken")
    try work.pretrain(steps: 5, to: "younger")
    // Without a start the sizes have to be named.
    let sizes = [
      "layerCount: 1", "hiddenSize: 32", "headCount: 2", "feedForwardSize: 64", "positionCount: 64",
    ].joined(separator: ", ")
    for other in [["--set", "model={\(sizes)}"], ["--model", "younger"]] {
      let result = try pretrain("broken", other + ["--resume", "--set", "stop.steps=10"])
      #expect(result.status == 65, "\(result.errors)")
      #expect(result.errors.contains("was made with another start (there "), "\(result.errors)")
      #expect(result.errors.contains("and with the --model that it started from"))
      #expect(try work.contents("broken") == before)
    }
    #expect(try pretrain("broken", start + ["--resume"]).status == 0)
    for file in ["model.safetensors", "optimizer.safetensors"] {
      #expect(
        try work.bytes("straight/step-00000010/\(file)") == work.bytes("broken/step-00000010/\(file)"))
    }
  }

  /// The new tokens' rows come from their pieces. A vocabulary that lacks tokens is refused, unless that is wanted.
  @Test func aLargerVocabulary() throws {
    func tokenize(_ tokens: [String], to output: String) throws {
      try work.folder.write(tokens.joined(separator: "\n") + "\n", to: "\(output).tokens/vocab.txt")
      try work.folder.write(
        #"{"do_lower_case": false, "strip_accents": false}"#, to: "\(output).tokens/tokenizer_config.json")
      try work.succeed(
        "tokenize", "corpus.txt", "--output", output, "--tokenizer", "\(output).tokens", "--validation-rate",
        "0.1", "--allow-unknown")
    }
    let tokens = try work.lines("run/latest/vocab.txt") + ["thedog", "##dogthe", "ßß"]
    try tokenize(tokens, to: "larger")
    let result = try pretrain("further", data: "larger", ["--model", "run", "--set", "stop.steps=5"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("the vocabulary has 3 new tokens, whose rows start from the means"))
    #expect(result.errors.contains("of 1 no piece is known, they start from the mean of all rows"))
    #expect(result.errors.contains("3 new rows from the means of their pieces' rows"))
    try work.succeed("evaluate", "--model", "further", "--data", "larger")

    try tokenize(tokens.filter { $0 != tokens[60] }, to: "smaller")
    let refused = try pretrain("lossy", data: "smaller", ["--model", "run", "--set", "stop.steps=1"])
    #expect(refused.status == 65)
    #expect(refused.errors.contains("smaller: its vocabulary lacks 1 of the "), "\(refused.errors)")
    #expect(!work.exists("lossy/config.yaml"))
    let allowed = try pretrain(
      "lossy", data: "smaller", ["--model", "run", "--allow-lost-tokens", "--set", "stop.steps=1"])
    #expect(allowed.status == 0, "\(allowed.errors)")
    #expect(
      allowed.errors.contains("tokens of the model that the vocabulary lacks: 1; their rows are dropped"))
  }

  /// tokenize extends the model's vocabulary by what other text needs; pretrain and finetune start from the model with it.
  @Test func aVocabularyIsExtended() throws {
    let text = (0..<80).map { "Der Lehrer kennt den Vogel und die Katze \($0)." }
    try work.folder.write(text.joined(separator: "\n\n"), to: "german.txt")
    let old = try work.lines("run/latest/vocab.txt")
    let size = "\(old.count + 20)"
    let options = ["--tokenizer", "run/latest", "--validation-rate", "0.3", "--allow-unknown"]
    func tokenize(_ options: [String]) throws -> Program.Result {
      try Program("tokenize", ["german.txt", "--output", "german"] + options, in: work.folder).wait()
    }
    for (options, message) in [
      (["--extend-to", size], "--extend-to needs --tokenizer"),
      (options + ["--extend-to", "100"], "has \(old.count) tokens already"),
    ] {
      let result = try tokenize(options)
      #expect(result.status == 64)
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    #expect(try tokenize(options + ["--extend-to", size]).status == 0)
    let new = try work.lines("german/vocab.txt")
    #expect(Array(new.prefix(old.count)) == old)
    #expect(new.count == old.count + 20)
    #expect(new.contains("Lehrer"))

    let result = try pretrain("further", data: "german", ["--model", "run", "--set", "stop.steps=3"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("the vocabulary has 20 new tokens"))
    let finetuning = [
      "--config", "finetune.yaml", "--train", "train.tsv", "--validation", "validation.tsv", "--set",
      "stop.steps=2",
    ]
    let translator = try Program(
      "finetune", finetuning + ["--model", "run", "--tokenizer", "german", "--output", "de-en"],
      in: work.folder
    ).wait()
    #expect(translator.status == 0, "\(translator.errors)")
    #expect(translator.errors.contains("20 new rows from the means of their pieces' rows"))
    // With other pairs, all of a translator goes on, its decoder's depth too.
    let again = try Program(
      "finetune", finetuning + ["--model", "de-en", "--output", "again", "--set", "decoder.layerCount=4"],
      in: work.folder
    ).wait()
    #expect(again.status == 0, "\(again.errors)")
    #expect(again.errors.contains("; 0 frozen") && again.errors.contains(", 1 shared, 0 new"))
    let deeper = try Program(
      "finetune", finetuning + ["--model", "de-en", "--output", "deeper", "--set", "decoder.layerCount=2"],
      in: work.folder
    ).wait()
    #expect(deeper.status == 64)
    #expect(deeper.errors.contains("decoder.layerCount: 1 in the model, 2 here"), "\(deeper.errors)")
    #expect(try work.succeed("translate", "--model", "again", input: "我\n").status == 0)
  }

  @Test func anotherNormalizationIsRefused() throws {
    try work.succeed(
      "tokenize", "corpus.txt", "--output", "uncased", "--vocabulary-size", "200", "--uncased",
      "--validation-rate", "0.1")
    let result = try pretrain("further", data: "uncased", ["--model", "run"])
    #expect(result.status == 65)
    #expect(result.errors.contains("uncased: its tokenizer reads text otherwise than the model's in "))
    #expect(result.errors.contains("lowercase: true here, false in the model"), "\(result.errors)")
  }

  @Test func otherSizesAreRefused() throws {
    let result = try pretrain("further", ["--model", "run", "--set", "model.hiddenSize=64"])
    #expect(result.status == 64)
    #expect(
      result.errors.contains("(hiddenSize: 32 in the model, 64 here); leave them out"), "\(result.errors)")
  }

  /// Another choice of frozen parts is another run, in pretraining and in fine-tuning.
  @Test func frozenPartsAreSettings() throws {
    let frozen = ["--freeze", "embeddings", "--freeze", "layers:0", "--set", "stop.steps=5"]
    let result = try pretrain("further", ["--model", "run"] + frozen)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("25 tensors loaded, 0 shared, 0 new; 20 frozen"), "\(result.errors)")
    #expect(result.errors.contains("loaded from roformer.embeddings.LayerNorm.bias, frozen"))
    let thawed = try pretrain("further", ["--model", "run", "--resume", "--set", "stop.steps=6"])
    #expect(thawed.status == 64)
    #expect(thawed.errors.contains("optimizer.freeze: embeddings,layers:0 there, none here"))
    let wrong = try pretrain("wrong", ["--model", "run", "--freeze", "layers:0-7"])
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("optimizer.freeze: names layer 7; the encoder has 1"))

    let translator = try work.succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation",
      "validation.tsv", "--output", "zh-en", "--freeze", "encoder")
    // The encoder's 20 tensors, and the decoder's token table, which is the encoder's.
    #expect(translator.errors.contains("; 21 frozen"), "\(translator.errors)")
  }
}
