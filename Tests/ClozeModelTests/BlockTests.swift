import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// Encoders whose layers are not BERT's: the line that names them, what their tokens see, and their folders.
@Suite struct BlockTests {
  private func names(_ text: String, layerCount: Int) throws -> [String] {
    try BlockPattern(text).blocks(layerCount: layerCount, path: "model.blocks").map(\.name)
  }

  // MARK: The line

  @Test(arguments: [
    ("attention", 2, "attention attention"),
    (" localAttention/geglu ,attention", 3, "localAttention/geglu attention localAttention/geglu"),
    ("[attention, localAttention] x 2", 4, "attention localAttention attention localAttention"),
    ("[attention x2", 2, "has 'x2' where a list goes on or ends"),
    ("attention x 2, [localAttention/none] x 1", 3, "attention attention localAttention/none"),
    ("[attention, localAttention]", 3, "attention localAttention attention"),
    ("attention/plain", 1, "attention"),
    ("gatedMLP, gatedMLP/none, gatedMLP/plain", 3, "gatedMLP gatedMLP gatedMLP/plain"),
    ("[attention, recurrent/none] x 1", 2, "attention recurrent/none"),
    (
      "atention", 1,
      "has 'atention' where a mixer belongs; choose one of attention, localAttention, recurrent"
    ),
    (
      "attention/gegl", 1,
      "has 'gegl' after 'attention/'; choose one of plain, geglu, swiglu, reluSquared, none"
    ),
    ("attention/", 1, "has its end after 'attention/'"),
    ("", 1, "has its end where a mixer belongs"),
    ("attention,", 1, "has its end where a mixer belongs"),
    ("attention localAttention", 2, "has 'localAttention' after a block; write a comma"),
    ("[attention", 1, "has its end where a list goes on or ends; write a comma or ']'"),
    ("[[attention]]", 1, "has '[' where a mixer belongs"),
    ("attention x two", 2, "has 'two' after 'x'; write a number of 1 to 1024"),
    ("attention x 0", 2, "has '0' after 'x'"),
    ("attention x 99999999999999999999", 2, "after 'x'; write a number"),
    ("attention x 3", 4, "names 3 layers, and layerCount is 4; make them equal, or leave the number out"),
    ("attention, localAttention, attention", 2, "names 3 layers, and layerCount is 2; make them equal"),
    ("attention x 1024, attention", 4, "names more than 1024 layers"),
  ])
  func line(text: String, layerCount: Int, expected: String) {
    var found: [String] = []
    let message = failureMessage { found = try names(text, layerCount: layerCount) }
    if expected.contains("; ") || expected.contains("has ") || expected.contains("names ") {
      #expect(message.hasPrefix("model.blocks: ") && message.contains(expected), "\(message)")
    } else {
      #expect(found.joined(separator: " ") == expected, "\(message)")
    }
  }

  /// The settings refuse a wrong line before a model is made of it.
  @Test func settingsAreChecked() {
    var configuration = SmallModels.configuration(blocks: "[attention] x 3")
    #expect(failureMessage { try configuration.validate() }.hasPrefix("model.blocks: names 3 layers"))
    configuration = SmallModels.configuration()
    configuration.localWindow = 1
    #expect(failureMessage { try configuration.validate() }.hasPrefix("model.localWindow: is 1"))
    configuration = SmallModels.configuration(blocks: "recurrent")
    (configuration.hiddenSize, configuration.headCount) = (21, 3)
    #expect(
      failureMessage { try configuration.validate() }.hasPrefix(
        "model.hiddenSize: is 21, which the two directions"))
    configuration = SmallModels.configuration(blocks: "gatedMLP")
    configuration.feedForwardSize = 40
    #expect(
      failureMessage { try configuration.validate() }.hasPrefix("model.feedForwardSize: is 40, whose half"))
    configuration.gateReach = 0
    #expect(failureMessage { try configuration.validate() }.hasPrefix("model.gateReach: is 0"))
  }

  // MARK: What they compute

  private func logits(_ model: MaskedLanguageModel, _ tokens: [Int32]) -> [Float] {
    let tape = Tape(store: model.store)
    tape.begin()
    return model.logits(
      tape, EncoderInput(sequences: [tokens]), predicted: tokens.indices.map { Int32($0) }
    ).values()
  }

  /// A layer of local attention with a window of 6 carries a token 3 places far, and two layers 6.
  @Test(arguments: [1, 2]) func localAttentionReachesItsWindow(layerCount: Int) {
    var configuration = SmallModels.configuration(blocks: "localAttention")
    configuration.layerCount = layerCount
    let model = MaskedLanguageModel(configuration: configuration, precision: .float32, seed: 1)
    var tokens = SmallModels.sequences([25])[0]
    let before = logits(model, tokens)
    tokens[12] = (tokens[12] + 1) % 50
    let after = logits(model, tokens)
    let changed = (0..<25).filter { before[$0 * 50..<($0 + 1) * 50] != after[$0 * 50..<($0 + 1) * 50] }
    #expect(changed == Array(12 - 3 * layerCount...12 + 3 * layerCount))
  }

  /// A gate sees the tokens less than its reach of 5 away; a recurrent layer carries a token to both ends.
  @Test(arguments: [("gatedMLP", 8...16), ("recurrent", 0...24), ("recurrent/none", 0...24)])
  func tokensThatSeeAToken(blocks: String, expected: ClosedRange<Int>) {
    var configuration = SmallModels.configuration(blocks: blocks)
    configuration.layerCount = 1
    let model = MaskedLanguageModel(configuration: configuration, precision: .float32, seed: 1)
    var tokens = SmallModels.sequences([25])[0]
    let before = logits(model, tokens)
    tokens[12] = (tokens[12] + 1) % 50
    let after = logits(model, tokens)
    let changed = (0..<25).filter { before[$0 * 50..<($0 + 1) * 50] != after[$0 * 50..<($0 + 1) * 50] }
    #expect(changed == Array(expected))
  }

  /// A recurrent layer with GRU cells has 4.5 D² weights, and torch's names; an LSTM has a third more.
  @Test func recurrentTensors() {
    func entries(_ blocks: String) -> [ArchiveEntry] {
      let model = SmallModels.maskedLanguage(blocks: blocks)
      return model.archiveEntries.filter { $0.name.contains("layer.0.recurrent.") }
    }
    let gru = entries("recurrent")
    let forward = ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"]
    let reverse = forward.map { $0 + "_reverse" }
    let names = forward + reverse + ["output.LayerNorm.weight", "output.LayerNorm.bias"]
    #expect(gru.map(\.name) == names.map { "bert.encoder.layer.0.recurrent." + $0 })
    let shapes: [[Int]] = [[36, 24], [36], [36, 12], [36]]
    #expect(gru.prefix(4).map(\.shape) == shapes)
    let weightCount = gru.filter { $0.shape.count == 2 }.reduce(0) { $0 + $1.shape[0] * $1.shape[1] }
    #expect(weightCount == 9 * 24 * 24 / 2)
    let ofLSTM: [[Int]] = [[48, 24], [48], [48, 12], [48]]
    #expect(entries("recurrent/none").prefix(4).map(\.shape) == ofLSTM)
  }

  /// A gated sub-layer has 2 F rows in its first matrix, and `none` has no sub-layer.
  @Test func parameterCounts() {
    func count(_ blocks: String) -> Int {
      var configuration = SmallModels.configuration(blocks: blocks)
      configuration.layerCount = 1
      return MaskedLanguageModel(configuration: configuration, precision: .float32, seed: 1).store
        .parameterCount
    }
    let (width, inner) = (24, 40)
    #expect(count("attention/reluSquared") == count("attention"))
    #expect(count("localAttention") == count("attention"))
    #expect(count("attention/geglu") == count("attention") + (width + 1) * inner)
    #expect(count("attention") == count("attention/none") + 2 * width * inner + inner + 3 * width)
  }

  // MARK: Folders

  @Test(arguments: SmallModels.blocks) func aFolderIsReadAsWritten(blocks: String) throws {
    for position in [NormPosition.post, .pre] {
      var configuration = SmallModels.configuration(blocks: blocks)
      configuration.normPosition = position
      let model = MaskedLanguageModel(configuration: configuration, precision: .float32, seed: 5)
      let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
      let (read, _) = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
      // BERT's folder does not say what a window would be that no layer has.
      if blocks == "attention" { configuration.localWindow = EncoderConfiguration().localWindow }
      #expect(read.configuration.fixedSettings.map(\.value) == configuration.fixedSettings.map(\.value))
      #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
      let type = blocks == "attention" ? (position == .pre ? "roberta-prelayernorm" : "bert") : "cloze"
      #expect(
        try String(contentsOf: folder.configurationURL, encoding: .utf8).contains(
          "\"model_type\" : \"\(type)\""))
    }
  }

  @Test(arguments: [
    ("blocks", "attention, recurent", "config.json.blocks: has 'recurent' where a mixer belongs"),
    ("blocks", "attention x 7", "config.json.blocks: names 7 layers"),
    ("norm_position", "middle", "'norm_position'"),
    ("recurrent_cell", "rnn", "'recurrent_cell' is missing or is not one of gru, lstm"),
    ("gate_reach", "far", "'gate_reach' is missing or is not a whole number"),
  ])
  func hostileSettings(key: String, value: String, message: String) throws {
    let model = SmallModels.maskedLanguage(blocks: "localAttention")
    let folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
    try folder.changeConfiguration { $0[key] = value }
    let found = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(found.contains(message), "\(found)")
    try folder.changeConfiguration { $0[key] = nil }
    let missing = failureMessage {
      _ = try ModelArchive.loadMaskedLanguageModel(folder.url, precision: .float32)
    }
    #expect(missing.contains("'\(key)' is missing"), "\(missing)")
  }

  /// A translator takes an encoder of other blocks, and is read as it was written.
  @Test func translatorStartsFromOtherBlocks() throws {
    let blocks = "localAttention/geglu, attention"
    let encoder = SmallModels.maskedLanguage(blocks: blocks)
    let start = try ModelFolder { try ModelArchive.write(encoder, to: $0, metadata: [:]) }
    let model = TranslationModel(
      declaring: try ModelArchive.encoderConfiguration(start.url),
      decoder: DecoderConfiguration(layerCount: 1),
      precision: .float32)
    let origins = try ModelArchive.start(model, from: start.url, seed: 3)
    #expect(origins.filter { $0.entry.name.hasPrefix("encoder.") }.allSatisfy { $0.origin != .new })
    let folder = try ModelFolder {
      try ModelArchive.write(model, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let read = try ModelArchive.loadTranslationModel(folder.url, precision: .float32).model
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
    #expect(read.configuration == model.configuration)
  }

  /// A decoder of other blocks, of an encoder that is BERT's.
  @Test(arguments: ["recurrent", "recurrent/geglu, localAttention/none"])
  func aDecoderIsReadAsWritten(blocks: String) throws {
    let model = SmallModels.translation(blocks: blocks, seed: 3)
    let folder = try ModelFolder {
      try ModelArchive.write(model, to: $0, metadata: [:], generation: SmallModels.generation)
    }
    let (read, _) = try ModelArchive.loadTranslationModel(folder.url, precision: .float32)
    #expect(SmallModels.bits(read.store) == SmallModels.bits(model.store))
    #expect(read.configuration == model.configuration)
    #expect(read.decoderConfiguration == model.decoderConfiguration)
    let other = TranslationModel(
      declaring: model.configuration, decoder: DecoderConfiguration(layerCount: 2), precision: .float32)
    let message = failureMessage { _ = try ModelArchive.start(other, from: folder.url, seed: 1) }
    #expect(message.contains("it has decoder blocks \(blocks), the new model attention"), "\(message)")
  }

  @Test func decodersThatAreRefused() throws {
    func message(_ decoder: DecoderConfiguration) -> String {
      failureMessage { try decoder.validate(SmallModels.configuration()) }
    }
    #expect(message(DecoderConfiguration(layerCount: 2, blocks: BlockPattern("recurrent"))) == "")
    #expect(message(DecoderConfiguration(layerCount: 0)).hasPrefix("decoder.layerCount: is 0"))
    #expect(
      message(DecoderConfiguration(layerCount: 2, blocks: BlockPattern("recurrent x 3"))).hasPrefix(
        "decoder.blocks: names 3 layers"))
    var encoder = SmallModels.configuration()
    encoder.feedForwardSize = 48
    let gated = DecoderConfiguration(layerCount: 2, blocks: BlockPattern("attention, gatedMLP"))
    #expect(
      failureMessage { try gated.validate(encoder) }
        == "decoder.blocks: has 'gatedMLP', which sees later tokens; choose among attention, localAttention, recurrent"
    )
  }

  @Test func otherBlocksAreRefusedByName() throws {
    func message(_ change: (inout EncoderConfiguration) -> Void) -> String {
      var configuration = SmallModels.configuration(blocks: "localAttention")
      change(&configuration)
      return failureMessage {
        _ = try ModelArchive.start(
          MaskedLanguageModel(declaring: configuration, precision: .float32), from: folder.url, seed: 1)
      }
    }
    let folder = try ModelFolder {
      try ModelArchive.write(SmallModels.maskedLanguage(blocks: "localAttention"), to: $0, metadata: [:])
    }
    #expect(
      message { $0.blocks = BlockPattern("attention") }.contains(
        "it has blocks localAttention, the new model attention"))
    #expect(message { $0.localWindow = 8 }.contains("it has localWindow 6, the new model 8"))
    #expect(message { $0.blocks = BlockPattern("[localAttention] x 2") } == "")
    // A setting that no layer reads may differ.
    #expect(message { $0.recurrentCell = .lstm } == "")
  }
}
