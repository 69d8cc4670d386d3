internal import ClozeCore

/// What normalization removes from a text, apart from what the vocabulary cannot spell.
extension TextLoss {
  /// The share of the characters, in 0...1, that lose marks or are marks that are dropped.
  package var markShare: Double {
    var marks = 0
    losingMarks.visit { value, count in
      if let scalar = Unicode.Scalar(value), scalar.properties.generalCategory == .nonspacingMark {
        marks += count
      }
    }
    // `characters` counts the letters that lost a mark, and not the dropped marks.
    return share(losingMarks.total, of: characters + marks)
  }

  /// The share of the characters, in 0...1, that are capitals and are lower-cased.
  package var caseShare: Double { share(losingCase, of: characters) }

  /// A warning for each kind of loss that concerns more than 1 in 200 characters.
  package var normalizationWarnings: [String] {
    var warnings: [String] = []
    if markShare > UnknownText.warningShare {
      warnings.append(
        "accents: \(Figure.percent(markShare, 2)) of the characters lose their marks (\(markScripts)), and words "
          + "that differ in nothing else become one; --keep-accents trains a vocabulary that keeps them")
    }
    if caseShare > UnknownText.warningShare {
      warnings.append(
        "case: \(Figure.percent(caseShare, 2)) of the characters are capitals and become small, and words that "
          + "differ in nothing else become one; --cased trains a vocabulary that keeps them")
    }
    return warnings
  }

  /// The scripts that lose marks, with counts: "Latin 120, Devanagari 31".
  private var markScripts: String {
    var scripts: [String: Int] = [:]
    losingMarks.visit { value, count in
      if let scalar = Unicode.Scalar(value) { scripts[Script.name(of: scalar), default: 0] += count }
    }
    return scripts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
      .map { "\($0.key) \(Figure.count($0.value))" }.joined(separator: ", ")
  }

  private func share(_ part: Int, of whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }
}
