import ClozeCompute
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// Models whose token tables have more rows than the tokenizer has tokens, as tables are padded for processors.
@Suite struct PaddedVocabularyTests {
  private let tokenizer: Tokenizer
  private let configuration: EncoderConfiguration

  init() throws {
    let tokens = SpecialTokens.texts + ["we", "like", "cats", "and", "dogs", "."]
    tokenizer = Tokenizer(vocabulary: try Vocabulary(tokens: tokens), normalizer: .uncased)
    var configuration = EncoderConfiguration()
    (configuration.vocabularySize, configuration.layerCount) = (16, 1)
    (configuration.hiddenSize, configuration.headCount, configuration.feedForwardSize) = (8, 2, 12)
    configuration.positionCount = 16
    self.configuration = configuration
  }

  /// Makes every row without a token far likelier than those with one.
  private func prefer(_ rows: Range<Int>, _ store: ParameterStore) throws {
    let bias = try #require(store.parameters.first { $0.path.hasSuffix("outputBias") })
    for row in rows { store.values(of: bias)[row] = 50 }
    store.refreshCopies()
  }

  @Test func fillingGivesTokensOnly() throws {
    let model = MaskedLanguageModel(configuration: configuration, precision: .float32, seed: 1)
    try prefer(11..<16, model.store)
    let folder = try TemporaryFolder()
    try ModelArchive.write(model, to: folder.url, metadata: ["tokenizer": tokenizer.digest.hex])
    try tokenizer.write(to: folder.url)
    let pretrained = try PretrainedModel(folder.url, precision: .float32)
    let blanks = try MaskFilling(pretrained).fill("we [MASK] cats .", count: 100)
    #expect(blanks.count == 1)
    #expect(blanks[0].candidates.map(\.id).sorted() == Array(5..<11))
  }

  @Test(arguments: [1, 3]) func translationsHaveTokensOnly(beamSize: Int) throws {
    let model = TranslationModel(
      configuration: configuration, decoder: DecoderConfiguration(layerCount: 1), precision: .float32, seed: 1
    )
    try prefer(11..<16, model.store)
    let bias = try #require(model.store.parameters.first { $0.path.hasSuffix("outputBias") })
    model.store.values(of: bias)[3] = -50
    let translator = Translator(model, tokenizer: tokenizer, beam: BeamConfiguration(beamSize: beamSize))
    let tapes = [Tape(store: model.store)]
    // A row without a token reads as nothing.
    #expect(try translator.translate(["we like cats"], tapes: tapes)[0].allSatisfy { !$0.text.isEmpty })
  }

  @Test func fewerRowsThanTokensAreRefused() throws {
    var small = configuration
    small.vocabularySize = 10
    let model = MaskedLanguageModel(configuration: small, precision: .float32, seed: 1)
    let folder = try TemporaryFolder()
    try ModelArchive.write(model, to: folder.url, metadata: [:])
    try tokenizer.write(to: folder.url)
    let message = failureMessage { _ = try PretrainedModel(folder.url, precision: .float32) }
    #expect(message.contains("has 10 rows for tokens and the tokenizer beside it 11 tokens; "), "\(message)")
  }
}
