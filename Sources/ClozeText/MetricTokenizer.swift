/// How BLEU splits sentences into words. It changes the score, so the signature names it.
///
/// Source: Post 2018, "A Call for Clarity in Reporting BLEU Scores", arXiv:1804.08771; the rules of sacreBLEU 2.6.
package enum MetricTokenizer: String, Sendable, CaseIterable {
  /// The rules of NIST's `mteval-v13a`, for languages with spaces between words.
  case western = "13a"
  /// Every Chinese character a word, and `13a` for the rest.
  case chinese = "zh"

  /// The words of `line`.
  package func words(_ line: String) -> [[Unicode.Scalar]] {
    // sacreBLEU strips the end of a line before it tokenizes it.
    var scalars = Array(line.unicodeScalars).droppingLastWhiteSpace()
    switch self {
    case .western:
      scalars = scalars.replacing(Array("<skipped>".unicodeScalars), with: [])
      scalars = scalars.replacing(["-", "\n"] as [Unicode.Scalar], with: [])
      scalars = scalars.map { $0 == "\n" ? " " : $0 }
      for (entity, text) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        scalars = scalars.replacing(Array(entity.unicodeScalars), with: Array(text.unicodeScalars))
      }
      scalars = [" "] + scalars + [" "]
    case .chinese:
      scalars = scalars.drop(while: \.isWhiteSpaceInPython)
        .flatMap { MetricTokenizer.isChinese($0) ? [" " as Unicode.Scalar, $0, " "] : [$0] }
    }
    return MetricTokenizer.separatePunctuation(scalars).split(whereSeparator: \.isWhiteSpaceInPython).map(
      Array.init)
  }

  /// Four passes over the line. Each replaces matches from left to right without overlap, like a regular expression.
  private static func separatePunctuation(_ line: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var line = line.flatMap { isPunctuation($0) ? [" " as Unicode.Scalar, $0, " "] : [$0] }
    // A period or comma without a digit before it.
    line = replacePairs(line) {
      !isDigit($0) && isPeriodOrComma($1)
    } with: {
      [$0, " ", $1, " "]
    }
    // A period or comma without a digit after it.
    line = replacePairs(line) {
      isPeriodOrComma($0) && !isDigit($1)
    } with: {
      [" ", $0, " ", $1]
    }
    // A dash that a digit precedes.
    return replacePairs(line) {
      isDigit($0) && $1 == "-"
    } with: {
      [$0, " ", $1, " "]
    }
  }

  private static func replacePairs(
    _ line: [Unicode.Scalar], where matches: (Unicode.Scalar, Unicode.Scalar) -> Bool,
    with replacement: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(2 * line.count)
    var index = 0
    while index < line.count {
      if index + 1 < line.count, matches(line[index], line[index + 1]) {
        result += replacement(line[index], line[index + 1])
        index += 2
      } else {
        result.append(line[index])
        index += 1
      }
    }
    return result
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
  private static func isPeriodOrComma(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

  /// The marks of ASCII except ' , - . and the space, as in the original.
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": true
    default: false
    }
  }

  /// The blocks of the original. The first is a mistake of the original (it says U+2001 and means U+20000) and is kept,
  /// because scores are compared with published ones. It makes “ ” — and … words too.
  private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x2001...0x2A6D, 0x2E80...0x2FDF, 0x2FF0...0x303F, 0x3100...0x312F, 0x31A0...0x31BF, 0x31C0...0x31EF,
      0x3200...0x33FF, 0x3400...0x4DB5, 0x4E00...0x9FBB, 0xF900...0xFA2D, 0xFA30...0xFA6A, 0xFA70...0xFAD9,
      0xFE10...0xFE1F, 0xFE30...0xFE4F, 0xFF00...0xFFEF:
      return true
    default: return false
    }
  }
}

extension Unicode.Scalar {
  /// Whether Python's `str.split` splits here: Unicode's white space and four ASCII separators.
  var isWhiteSpaceInPython: Bool {
    properties.isWhitespace || (0x1C...0x1F).contains(value)
  }
}

extension [Unicode.Scalar] {
  fileprivate func droppingLastWhiteSpace() -> [Unicode.Scalar] {
    Array(prefix((lastIndex { !$0.isWhiteSpaceInPython } ?? -1) + 1))
  }
}
