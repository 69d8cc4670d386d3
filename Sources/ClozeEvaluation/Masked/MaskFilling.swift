internal import ClozeCompute
internal import ClozeModel
package import ClozeText
internal import Foundation

/// Predicts the tokens at each `[MASK]` of a sentence.
package struct MaskFilling: Sendable {
  /// A token and its probability.
  package struct Candidate: Sendable, Equatable {
    package let token: String
    package let id: TokenID
    /// 0...1
    package let probability: Double
  }

  /// One `[MASK]` of the text.
  package struct Blank: Sendable, Equatable {
    /// The index among the tokens of the input; `[CLS]` is 0.
    package let position: Int
    /// Best first.
    package let candidates: [Candidate]
  }

  private let model: MaskedLanguageModel
  private let tokenizer: Tokenizer

  package init(_ pretrained: PretrainedModel) {
    model = pretrained.model
    tokenizer = pretrained.tokenizer
  }

  /// The `count` likeliest tokens at each `[MASK]` of `text`. Each is predicted independently of the others.
  ///
  /// Special tokens and rows without a token are left out; the probabilities of the others are not rescaled.
  ///
  /// - Throws: `EvaluationError.noMask`, `.promptTooLong`, `.notFinite`
  package func fill(_ text: String, count: Int) throws -> [Blank] {
    let specials = tokenizer.vocabulary.specials
    let ids =
      [specials.classification] + tokenizer.encode(text, specials: .recognized) + [specials.separator]
    let positions = ids.indices.filter { ids[$0] == specials.mask }
    guard !positions.isEmpty else { throw EvaluationError.noMask(text: text) }
    let positionCount = model.configuration.positionCount
    guard ids.count <= positionCount else {
      throw EvaluationError.promptTooLong(tokens: ids.count, positionCount: positionCount)
    }
    let tape = Tape(store: model.store)
    tape.begin()
    let likeliest = model.likeliest(
      tape, EncoderInput(sequences: [ids]), predicted: positions.map { Int32($0) }, count: count,
      excluded: tokenizer.vocabulary.unanswerable(rowCount: model.configuration.vocabularySize))
    guard likeliest.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.logProbability.isFinite) }) else {
      throw EvaluationError.notFinite
    }
    return zip(positions, likeliest).map { position, classes in
      Blank(
        position: position,
        candidates: classes.map {
          Candidate(
            token: tokenizer.vocabulary.tokens[Int($0.index)], id: $0.index, probability: $0.probability)
        })
    }
  }
}

extension ScoredClass {
  fileprivate var probability: Double { exp(Double(logProbability)) }
}
