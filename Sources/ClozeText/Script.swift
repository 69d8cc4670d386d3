internal import Foundation

/// The script of a scalar, by the name that reports show.
enum Script {
  private struct Block {
    let first: UInt32
    let last: UInt32
    let name: String
  }

  /// Ascending, without overlap.
  private static let ranges: [Block] = ScriptRanges.table.split(separator: "\n").flatMap { line in
    let fields = line.split(separator: " ")
    return fields.dropFirst().compactMap { field -> Block? in
      let ends = field.split(separator: "-").compactMap { UInt32($0, radix: 16) }
      guard ends.count == 2 else { return nil }
      return Block(
        first: ends[0], last: ends[1], name: fields[0].replacingOccurrences(of: "_", with: " "))
    }
  }.sorted { $0.first < $1.first }

  /// The Unicode property Script of `scalar`. A scalar that all scripts share gets the name of its kind instead: Emoji,
  /// Symbols, Digits, Punctuation, Marks or Common.
  static func name(of scalar: Unicode.Scalar) -> String {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].last < scalar.value { low = middle + 1 } else { high = middle }
    }
    if low < ranges.count, ranges[low].first <= scalar.value { return ranges[low].name }
    if scalar.properties.isEmojiPresentation || (scalar.properties.isEmoji && scalar.value > 0xFF) {
      return "Emoji"
    }
    switch scalar.properties.generalCategory {
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return "Symbols"
    case .decimalNumber, .letterNumber, .otherNumber: return "Digits"
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return "Punctuation"
    case .nonspacingMark, .spacingMark, .enclosingMark: return "Marks"
    default: return "Common"
    }
  }
}
