package import ClozeCore
package import ClozeData
internal import Foundation

/// The settings of an evaluation apart from the text: the length of windows and the masks.
package struct EvaluationScheme: Sendable, Equatable {
  /// The seed of every validation, and the default of `evaluate`.
  package static let standardSeed: UInt64 = 7

  package var masking = MaskingConfiguration()
  /// T
  package var windowLength: Int
  package var seed: UInt64

  package init(
    masking: MaskingConfiguration = MaskingConfiguration(), windowLength: Int,
    seed: UInt64 = EvaluationScheme.standardSeed
  ) {
    self.masking = masking
    self.windowLength = windowLength
    self.seed = seed
  }

  /// Windows of a forward pass: 8, or fewer long ones, so its memory does not grow with their length.
  package static func passWindows(length: Int) -> Int { max(1, min(8, 4096 / length)) }
}

/// Everything that two comparable scores must have in common, as one line of `key:value` fields:
///
///     acc|rate:15|scheme:80-10-10|unit:token|length:128|seed:7|tokenizer:9f3c…|data:41ab…|split:validation|windows:all|n:18233|precision:bfloat16|cloze:0.1
///
/// `rate` and `scheme` are percentages. `unit` is the masking strategy, with its parameters if it has any. `windows` is
/// `all` or the size of the sample. `n` is the number of predictions. A text outside a data folder has no split.
///
/// Source: Post 2018, "A Call for Clarity in Reporting BLEU Scores", section 4 (signatures). arXiv:1804.08771
package struct MaskedSignature: Sendable, CustomStringConvertible {
  private let scheme: EvaluationScheme
  private let tokenizer: Digest
  private let data: Digest
  private let split: Split?
  private let sampledWindows: Int?
  private let count: Int
  private let precision: String

  /// - Parameters:
  ///   - tokenizer: of the model.
  ///   - data: the identity of a data folder, or the digest of a text.
  ///   - split: of the data folder; nil for a text.
  ///   - sampledWindows: the number of windows drawn; nil for all.
  ///   - count: the number of predictions.
  ///   - precision: of the model's arithmetic.
  package init(
    scheme: EvaluationScheme, tokenizer: Digest, data: Digest, split: Split?, sampledWindows: Int? = nil,
    count: Int, precision: String
  ) {
    self.scheme = scheme
    self.tokenizer = tokenizer
    self.data = data
    self.split = split
    self.sampledWindows = sampledWindows
    self.count = count
    self.precision = precision
  }

  package var description: String {
    let fields = [
      "acc", "rate:\(percent(scheme.masking.selectionRate))", "scheme:\(outcomes)", "unit:\(unit)",
      "length:\(scheme.windowLength)", "seed:\(scheme.seed)", "tokenizer:\(tokenizer.short)",
      "data:\(data.short)", split.map { "split:\($0.rawValue)" },
      "windows:\(sampledWindows.map(String.init) ?? "all")", "n:\(count)", "precision:\(precision)",
      "cloze:\(Cloze.version)",
    ]
    return fields.compactMap { $0 }.joined(separator: "|")
  }

  /// The percentages of selected tokens that are masked, replaced and kept.
  private var outcomes: String {
    let masking = scheme.masking
    // 1 - 0.8 - 0.1 is not exactly 0.1.
    let kept = (max(0, 1 - masking.maskRate - masking.randomRate) * 1e6).rounded() / 1e6
    return "\(percent(masking.maskRate))-\(percent(masking.randomRate))-\(percent(kept))"
  }

  private var unit: String {
    let masking = scheme.masking
    guard masking.strategy == .span else { return masking.strategy.rawValue }
    return "span-p\(percent(masking.spanProbability))-max\(masking.maximumSpanLength)"
  }

  /// With 15 digits, so 15 and not 15.000000000000002.
  private func percent(_ rate: Double) -> String { String(format: "%.15g", 100 * rate) }
}
