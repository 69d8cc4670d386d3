internal import Foundation

/// The shares of the scripts among the letters of a text, such as 81 % Han and 19 % Latin. Texts of languages that are
/// written differently are told apart by it; English and German are not.
package struct ScriptProfile: Sendable, Equatable {
  /// Above this two profiles count as the same script.
  package static let sameOverlap = 0.5

  /// By the Unicode name of the script; the sum is 1, or 0 for a text without letters.
  package let shares: [String: Double]

  /// Kinds of characters that all scripts share.
  private static let common: Set<String> = ["Emoji", "Symbols", "Digits", "Punctuation", "Marks", "Common"]

  package init(_ texts: some Sequence<String>) {
    var counts: [String: Int] = [:]
    var latin = 0
    for scalar in texts.lazy.flatMap(\.unicodeScalars) {
      if scalar.isASCII {
        if scalar.properties.isAlphabetic { latin += 1 }
        continue
      }
      let name = Script.name(of: scalar)
      if !ScriptProfile.common.contains(name) { counts[name, default: 0] += 1 }
    }
    if latin > 0 { counts["Latin", default: 0] += latin }
    let total = Double(counts.values.reduce(0, +))
    shares = counts.mapValues { Double($0) / total }
  }

  /// Reads what `text` writes; nil for anything else.
  package init?(text: String) {
    var shares: [String: Double] = [:]
    for part in text.split(separator: ",") {
      let fields = part.split(separator: ":")
      guard fields.count == 2, let share = Double(fields[1]), (0...1).contains(share) else { return nil }
      shares[String(fields[0])] = share
    }
    self.shares = shares
  }

  /// `Han:0.812,Latin:0.188`, the most frequent first.
  package var text: String {
    ranked.map { "\($0.key):\(String(format: "%.3f", $0.value))" }.joined(separator: ",")
  }

  /// The name of the most frequent script; nil without letters.
  package var main: String? { ranked.first?.key }

  /// The share of letters that both have in common, in 0...1.
  package func overlap(_ other: ScriptProfile) -> Double {
    shares.reduce(0) { $0 + min($1.value, other.shares[$1.key] ?? 0) }
  }

  private var ranked: [(key: String, value: Double)] {
    shares.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
  }
}
