internal import ClozeCore
internal import ClozeData
internal import ClozeText
package import ClozeTraining
internal import Foundation

/// Masked-language pretraining on raw text with vocabularies of several sizes, scored in bits a character.
///
/// Losses a token of different vocabularies cannot be compared: a longer piece is harder to predict, and there are fewer of
/// them. So whole words of the validation text are masked, whatever the vocabulary, and the loss of all their pieces is
/// divided by their characters.
package struct VocabularySearchSubject: SearchSubject {
  package let base: PretrainConfiguration
  private let vocabularies: StudyVocabularies

  /// - Throws: `ConfigurationError`
  package init(base: PretrainConfiguration, vocabularies: StudyVocabularies) throws {
    var base = base
    if base.model.vocabularySize == 0 { base.model.vocabularySize = VocabularyTrainer.standardSize }
    (self.base, self.vocabularies) = (base, vocabularies)
    try base.checkSearched()
    try check(base)
  }

  package var score: SearchScore { SearchScore(name: "bits/character", prefersLarger: false) }
  package var warnings: [String] { [] }

  /// The text is known once the vocabulary of the base is made.
  package func identities() throws -> [String: String] {
    do {
      return try task(base).identities.merging(["text": vocabularies.textDigest().hex]) { first, _ in first }
    } catch let error as ConfigurationError {
      throw error.inSection("base")
    }
  }

  package func check(_ settings: PretrainConfiguration) throws {
    try SettingsCheck("model")(settings.model.vocabularySize, in: VocabularyTrainer.sizes, "vocabularySize")
  }

  package func task(_ settings: PretrainConfiguration) throws -> MaskedLanguageTask {
    let data = try vocabularies.data(size: settings.model.vocabularySize)
    return try MaskedLanguageTask(
      PretrainingText(configuration: settings, data: data), validationMasking: .wholeWords)
  }

  package func prepare(_ settings: PretrainConfiguration) throws {
    _ = try vocabularies.data(size: settings.model.vocabularySize)
  }

  package func loss(ofScore score: Double, in task: MaskedLanguageTask) throws -> Double {
    try -score * task.bitsPerCharacterForNats()
  }

  package func parameterCount(_ settings: PretrainConfiguration) -> Int {
    settings.maskedParameterCount(vocabularySize: settings.model.vocabularySize)
  }

  package func refusal(varying key: String) -> String? {
    commonRefusal(varying: key) ?? PretrainConfiguration.refusal(varying: key)
  }
}

extension MaskingConfiguration {
  fileprivate static var wholeWords: MaskingConfiguration {
    var masking = MaskingConfiguration()
    masking.strategy = .wholeWord
    return masking
  }
}
