package import ClozeCompute
package import ClozeModel
package import ClozeText
package import Foundation

/// A translation as text.
package struct Translation: Sendable, Equatable {
  package let text: String
  /// The score of the hypothesis: its logarithmic probability divided by length^penalty.
  package let score: Double
  /// The mean logarithmic probability of a token, the end token included.
  package let tokenScore: Double
  /// Whether it ends with the end token, and not at the length limit.
  package let isWhole: Bool

  /// The translation of an empty line.
  static let empty = Translation(text: "", score: 0, tokenScore: 0, isWhole: true)
}

extension Translation {
  fileprivate init(_ hypothesis: Hypothesis, text: String) {
    let count = hypothesis.tokens.count + (hypothesis.isWhole ? 1 : 0)
    self.init(
      text: text, score: hypothesis.score, tokenScore: hypothesis.logProbability / Double(max(1, count)),
      isWhole: hypothesis.isWhole)
  }
}

/// A problem with the translation of a line.
package enum TranslationProblem: Sendable {
  /// The line is longer than the model's positions; its end was not translated.
  case cut
  /// The model's logits are not finite, so there is no likeliest translation; the translation is empty.
  case notFinite
}

/// Translates text to text: combines tokenizer, model and search, in batches of lines that are distributed over
/// workers.
///
/// A batch has as many lines as its memory limit allows: few very long ones, or `maximumLinesPerBatch` ordinary ones.
package struct Translator: Sendable {
  package let model: TranslationModel
  package let tokenizer: Tokenizer
  /// Of the model's weights; empty for a model that no folder holds.
  package let metadata: [String: String]
  private let search: BeamSearch
  private let positionCount: Int
  private let batchBytes: Int
  private static let maximumLinesPerBatch = 64

  /// - Parameter batchBytes: the memory limit of a worker's batch, which a single line may exceed. nil means 48 MiB, or
  ///   a quarter of the parameters' bytes if that is more: a step of the search reads the whole model for any number of
  ///   lines, so a large model gets larger batches.
  package init(
    _ model: TranslationModel, tokenizer: Tokenizer, beam: BeamConfiguration, batchBytes: Int? = nil,
    metadata: [String: String] = [:]
  ) {
    (self.model, self.metadata) = (model, metadata)
    let specials = tokenizer.vocabulary.specials
    self.tokenizer = tokenizer
    search = BeamSearch(
      model, start: specials.classification, end: specials.separator,
      specials: Array(tokenizer.vocabulary.unanswerable(rowCount: model.configuration.vocabularySize)),
      configuration: beam)
    positionCount = model.configuration.positionCount
    self.batchBytes = batchBytes ?? max(48 << 20, model.store.elementCount)
  }

  /// The translator in a model folder, with its tokenizer.
  /// - Throws: `ArchiveError`, `TensorFileError`, `TokenizerError`, `FileError`
  package init(_ folder: URL, precision: ElementType, beam: BeamConfiguration) throws {
    let (model, metadata) = try ModelArchive.loadTranslationModel(folder, precision: precision)
    let tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: model.configuration.vocabularySize, metadata: metadata)
    guard model.configuration.positionCount >= 3 else {
      throw EvaluationError.tooFewPositions(model: folder.path, positions: model.configuration.positionCount)
    }
    let longest = model.decoder.positionCount - 1
    guard beam.minimumLength <= longest else {
      throw EvaluationError.minimumTooLong(length: beam.minimumLength, longest: longest)
    }
    try ModelArchive.check(
      tokenizer.generation(rowCount: model.configuration.vocabularySize).tokens, in: folder)
    self.init(model, tokenizer: tokenizer, beam: beam, metadata: metadata)
  }

  /// The best translations of each line, best first, in the order of the lines. An empty line has an empty translation.
  ///
  /// - Parameters:
  ///   - firstNumber: the number of the first line, from which the draws of sampled translations follow.
  ///   - report: is called with the index of a line and its problem.
  package func translate(
    _ lines: [String], firstNumber: Int = 0, tapes: [Tape],
    report: (Int, TranslationProblem) -> Void = { _, _ in }
  ) throws -> [[Translation]] {
    let specials = tokenizer.vocabulary.specials
    var encoder = TokenEncoder(tokenizer)
    let sources = lines.enumerated().map { index, line -> [Int32] in
      let ids = encoder.encode(line)
      if ids.count > positionCount - 2 { report(index, .cut) }
      return ids.isEmpty
        ? [] : [specials.classification] + ids.prefix(positionCount - 2) + [specials.separator]
    }
    // Lines of similar length end at about the same step. The longest come first, so that no worker is left with them at the
    // end.
    let order = sources.indices.filter { !sources[$0].isEmpty }.sorted {
      (sources[$0].count, $1) > (sources[$1].count, $0)
    }
    let batches = batches(order) { sources[$0].count }
    let found = try WorkerGroup(count: tapes.count).map(batches.count, tapes: tapes) { index, tape in
      search.translate(
        tape, sources: batches[index].map { sources[$0] }, numbers: batches[index].map { firstNumber + $0 }
      ).map { $0.map { Translation($0, text: tokenizer.decode($0.tokens)) } }
    }
    var results = [[Translation]](repeating: [.empty], count: lines.count)
    for (lineIndices, translations) in zip(batches, found) {
      for (line, translations) in zip(lineIndices, translations) {
        if translations.isEmpty { report(line, .notFinite) } else { results[line] = translations }
      }
    }
    return results
  }

  /// Divides the lines `order` into batches.
  /// - Parameter length: the tokens of a line.
  private func batches(_ order: [Int], length: (Int) -> Int) -> [[Int]] {
    var batches: [[Int]] = []
    var room = 0
    for line in order {
      let bytes = search.memory(source: length(line))
      if bytes > room || batches.isEmpty || batches[batches.count - 1].count == Self.maximumLinesPerBatch {
        batches.append([])
        room = batchBytes
      }
      batches[batches.count - 1].append(line)
      room -= bytes
    }
    return batches
  }
}

extension Tokenizer {
  /// The search settings for `transformers`.
  /// - Parameter rowCount: of the model's token table.
  package func generation(rowCount: Int) -> GenerationSettings {
    let specials = vocabulary.specials
    let suppressed = vocabulary.unanswerable(rowCount: rowCount).subtracting([specials.separator])
    return GenerationSettings(
      tokens: .init(
        start: specials.classification, end: specials.separator, padding: specials.padding,
        suppressed: Array(suppressed)))
  }
}
