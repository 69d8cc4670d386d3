import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// Folders of other libraries, versions and formats: what is refused, and the mend that is named.
@Suite struct ForeignModelFolderTests {
  private func folder(_ fixture: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let source = Fixtures.url("models/\(fixture)")
    for name in try FileManager.default.contentsOfDirectory(atPath: source.path) {
      try FileManager.default.copyItem(at: source.appendingPathComponent(name), to: folder.file(name))
    }
    return folder
  }

  private func message(_ folder: TemporaryFolder) -> String {
    failureMessage { _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32) }
  }

  @Test(arguments: [
    ("pytorch_model.bin", "from_pretrained(f).save_pretrained(f)"),
    ("pytorch_model.bin.index.json", "from_pretrained(f).save_pretrained(f)"),
    ("tf_model.h5", "from_pretrained(f, from_tf=True)"),
    ("flax_model.msgpack", "from_pretrained(f, from_flax=True)"),
  ])
  func otherFormatsAreRefusedWithTheCommandThatConverts(name: String, command: String) throws {
    let folder = try folder("old-names")
    try FileManager.default.moveItem(at: folder.file("model.safetensors"), to: folder.file(name))
    let message = message(folder)
    #expect(message.hasPrefix("\(folder.url.path): its weights are in \(name), which Cloze does not read; "))
    #expect(message.contains("t.BertForMaskedLM.\(command)"), "\(message)")
    #expect(message.hasSuffix("'\(folder.url.path)'"), "\(message)")
  }

  @Test func googlesReleaseIsRefusedWithTheMend() throws {
    let folder = try TemporaryFolder()
    try folder.write("{}", to: "bert_config.json")
    #expect(message(folder).contains("is Google's original release (bert_config.json)"))
  }

  @Test(arguments: ["distilbert", "albert", "deberta", "xlm-roberta"])
  func anotherArchitectureIsRefusedByName(type: String) throws {
    let folder = try folder("bare")
    try folder.write(#"{"model_type": "\#(type)", "hidden_size": 8}"#, to: "config.json")
    #expect(
      message(folder).contains("config.json: asks for the model type '\(type)', which Cloze does not have;"))
  }

  /// From before `model_type`: the class decides, else BERT's sizes.
  @Test(arguments: [
    (#""architectures": ["BertForMaskedLM"], "#, true), ("", true),
    (#""architectures": ["RobertaForMaskedLM"], "#, false),
  ])
  func aConfigurationWithoutAModelType(member: String, isRead: Bool) throws {
    let folder = try folder("float16")
    let sizes = """
      {\(member)"vocab_size": 32, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
       "intermediate_size": 12, "max_position_embeddings": 16}
      """
    try folder.write(sizes, to: "config.json")
    #expect(
      isRead ? message(folder) == "" : message(folder).contains("'model_type' is missing"),
      "\(message(folder))")
  }

  @Test(arguments: [
    (#""position_embedding_type": "relative_key_query""#, "'relative_key_query' position embeddings"),
    (#""pruned_heads": {"0": [1]}"#, "pruned attention heads"),
    (#""quantization_config": {"quant_method": "bitsandbytes"}"#, "quantized weights"),
    (#""hidden_act": "prelu""#, "the activation 'prelu'"),
  ])
  func whatIsNotReadIsRefusedByName(member: String, reason: String) throws {
    let folder = try folder("classifier")
    let text = try String(contentsOf: folder.file("config.json"), encoding: .utf8)
    let other = text.replacingOccurrences(of: #""hidden_act": "gelu","#, with: "")
    try folder.write("{\(member),\(other.dropFirst())", to: "config.json")
    let message = failureMessage {
      _ = try ModelArchive.encoderConfiguration(folder.url)
    }
    #expect(message.contains("config.json: asks for \(reason)"), "\(message)")
  }

  // MARK: Shards

  private func changeIndex(_ change: (inout [String: Any]) -> Void) throws -> TemporaryFolder {
    let folder = try folder("sharded")
    let url = folder.file("model.safetensors.index.json")
    var index = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any] ?? [:]
    change(&index)
    try JSONSerialization.data(withJSONObject: index).write(to: url)
    return folder
  }

  @Test(arguments: [
    "../model-00001-of-00003.safetensors", "/etc/passwd", "sub/a.safetensors", "..", "", "config.json",
    "/tmp/a.safetensors", "a\0.safetensors",
  ])
  func anIndexLeadsToNoOtherFolder(name: String) throws {
    let folder = try changeIndex { index in
      var map = index["weight_map"] as? [String: Any] ?? [:]
      map["bert.embeddings.LayerNorm.bias"] = name
      index["weight_map"] = map
    }
    let message = message(folder)
    #expect(
      message.contains("index.json: names for 'bert.embeddings.LayerNorm.bias' no safetensors file"),
      "\(message)")
  }

  @Test func brokenShards() throws {
    let moved = try changeIndex { index in
      var map = index["weight_map"] as? [String: Any] ?? [:]
      map["bert.embeddings.LayerNorm.bias"] = "model-00003-of-00003.safetensors"
      index["weight_map"] = map
    }
    #expect(message(moved).contains("says that 'bert.embeddings.LayerNorm.bias' is in model-00003"))
    #expect(message(try changeIndex { $0["weight_map"] = ["a"] }).contains("has no weight_map"))
    #expect(
      message(try changeIndex { $0["weight_map"] = [:] as [String: Any] }).contains("has no weight_map"))
    let half = try folder("sharded")
    try FileManager.default.removeItem(at: half.file("model-00002-of-00003.safetensors"))
    #expect(message(half).contains("model-00002-of-00003.safetensors: does not exist"))
    let twice = try folder("sharded")
    try FileManager.default.removeItem(at: twice.file("model-00002-of-00003.safetensors"))
    try FileManager.default.copyItem(
      at: twice.file("model-00001-of-00003.safetensors"), to: twice.file("model-00002-of-00003.safetensors"))
    #expect(message(twice).contains("is there again as"), "\(message(twice))")
  }

  /// The name that is read, and the one that it was read from before.
  @Test func oneTensorUnderTwoNames() throws {
    let folder = try ModelFolder {
      try ModelArchive.write(SmallModels.maskedLanguage(), to: $0, metadata: [:])
    }
    try folder.changeTensors { $0["bert.embeddings.LayerNorm.gamma"] = .zeros([24]) }
    let message = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(
      message.contains(
        "'bert.embeddings.LayerNorm.weight' is there again as 'bert.embeddings.LayerNorm.gamma'"),
      "\(message)")
  }
}
