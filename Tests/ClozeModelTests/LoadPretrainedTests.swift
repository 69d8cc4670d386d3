import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Testing

/// A translation model that starts from a pretrained masked-language model.
@Suite struct LoadPretrainedTests {
  private let pretrained = SmallModels.maskedLanguage(seed: 11)
  private let folder: ModelFolder

  init() throws {
    let model = pretrained
    folder = try ModelFolder { try ModelArchive.write(model, to: $0, metadata: [:]) }
  }

  /// A decoder as deep as the pretrained encoder, less deep, and deeper.
  @Test(arguments: [1, 2, 4], Machine.precisions)
  func everyTensorHasAnOrigin(layerCount: Int, precision: ElementType) throws {
    let model = SmallModels.translation(precision, layerCount: layerCount, seed: 2)
    let fresh = SmallModels.translation(precision, layerCount: layerCount, seed: 2)
    let table = try ModelArchive.loadPretrained(folder.url, into: model)
    #expect(table.map(\.entry.name) == model.archiveEntries.map(\.name))
    let file = try TensorFile(folder.weightsURL)
    var counts = (loaded: 0, shared: 0, new: 0)
    for (entry, origin) in table {
      let values = Array(model.store.numbers(of: entry.parameter)[entry.elements])
      switch origin {
      case .loaded(let name):
        counts.loaded += 1
        #expect(try values == file.floats(name), "\(entry.name)")
        #expect(!entry.name.hasPrefix("decoder.bert.encoder."))
      case .shared:
        counts.shared += 1
        #expect(try values == file.floats("bert.embeddings.word_embeddings.weight"))
      case .new:
        counts.new += 1
        #expect(values == Array(fresh.store.numbers(of: entry.parameter)[entry.elements]))
        let isLayer = entry.name.hasPrefix("decoder.bert.encoder.layer.")
        #expect(isLayer || entry.name.hasPrefix("decoder.cls.predictions.transform."), "\(entry.name)")
      }
    }
    // An encoder's layer has 16 tensors, a decoder's 26, embeddings 5 (one of the decoder's shared), a transform 4; and the
    // output bias.
    #expect(counts.loaded == 5 + 2 * 16 + 4 + 1)
    #expect(counts.shared == 1)
    #expect(counts.new == layerCount * 26 + 4)
    if let copies = model.store.copies {
      let token = table[0].entry.parameter
      #expect(
        token.range.allSatisfy {
          Float(bitPattern: UInt32(copies[$0]) << 16) == ReferenceKernels.bfloat16(model.store.values[$0])
        })
    }
  }

  /// Where each part of the decoder comes from, by name.
  @Test(arguments: [
    ("encoder.encoder.layer.1.output.dense.bias", "bert.encoder.layer.1.output.dense.bias"),
    ("decoder.bert.encoder.layer.1.attention.self.key.weight", nil),
    ("decoder.bert.embeddings.position_embeddings.weight", "bert.embeddings.position_embeddings.weight"),
    ("decoder.cls.predictions.bias", "cls.predictions.bias"),
    ("decoder.cls.predictions.transform.dense.weight", nil),
    ("decoder.bert.encoder.layer.1.crossattention.self.key.weight", nil), ("pooler.dense.weight", nil),
  ])
  func pretrainedName(name: String, expected: String?) {
    #expect(TranslationModel.pretrainedName(name) == expected)
  }

  @Test(arguments: [
    "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.1.attention.self.query.bias",
    "cls.predictions.bias",
  ])
  func missingTensorIsRefused(name: String) throws {
    try folder.changeTensors { $0[name] = nil }
    let message = failureMessage {
      _ = try ModelArchive.loadPretrained(folder.url, into: SmallModels.translation())
    }
    #expect(message.contains("model.safetensors: has no tensor '\(name)'"), "\(message)")
  }

  /// Other sizes, and what no tensor's shape would show.
  @Test func anotherModelIsRefused() throws {
    func message(_ change: (inout EncoderConfiguration) -> Void) -> String {
      var configuration = SmallModels.configuration()
      change(&configuration)
      let model = TranslationModel(
        configuration: configuration, decoder: DecoderConfiguration(layerCount: 1), precision: .float32,
        seed: 0)
      return failureMessage { _ = try ModelArchive.loadPretrained(folder.url, into: model) }
    }
    #expect(message { $0.hiddenSize = 48 }.contains("has shape [50, 24], the model needs [50, 48]"))
    #expect(message { $0.vocabularySize = 60 }.contains("word_embeddings.weight' has shape [50, 24]"))
    #expect(message { $0.positionCount = 16 }.contains("position_embeddings.weight' has shape [32, 24]"))
    #expect(message { $0.headCount = 4 }.contains("config.json: has 3 heads"))
    #expect(message { $0.activation = .relu }.contains("the activation 'gelu'"))
    #expect(message { _ in } == "")
  }
}
