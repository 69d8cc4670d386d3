package import ClozeData

/// How often a translation has the numbers and words that its source and its reference share, and so should have been copied.
///
/// A number is a run of digits, with a point or comma between digits left out: 5,000 is 5000. A word is a run of two letters or
/// more that are not ideographs, such as a name. Each counts once a sentence.
package struct CopiedWords: Sendable, Equatable {
  package struct Share: Sendable, Equatable {
    package fileprivate(set) var copied = 0
    package fileprivate(set) var count = 0
    /// In 0...1; nil of nothing.
    package var value: Double? { count > 0 ? Double(copied) / Double(count) : nil }
  }

  package private(set) var numbers = Share()
  package private(set) var words = Share()

  /// - Parameter hypotheses: a translation for each pair.
  package init(_ hypotheses: [String], pairs: [TranslationPair]) {
    for (hypothesis, pair) in zip(hypotheses, pairs) {
      let (source, target, found) = (Runs(pair.source), Runs(pair.target), Runs(hypothesis))
      Self.add(source.numbers.intersection(target.numbers), found.numbers, to: &numbers)
      Self.add(source.words.intersection(target.words), found.words, to: &words)
    }
  }

  private static func add(_ shared: Set<String>, _ found: Set<String>, to share: inout Share) {
    share.count += shared.count
    share.copied += shared.intersection(found).count
  }

  /// The numbers and words of a text.
  private struct Runs {
    private(set) var numbers: Set<String> = []
    private(set) var words: Set<String> = []

    init(_ text: String) {
      var (number, word) = ("", "")
      var separator: Character?
      for character in text + " " {
        // 一 and 万 are numbers, and no digits.
        if character.unicodeScalars.first?.properties.numericType == .decimal {
          number.append(character)
          separator = nil
        } else if !number.isEmpty, separator == nil, character == "." || character == "," {
          separator = character
        } else if !number.isEmpty {
          numbers.insert(number)
          (number, separator) = ("", nil)
        }
        // A Han character between Latin words is no part of them.
        if character.isLetter, !character.unicodeScalars.contains(where: \.properties.isIdeographic) {
          word.append(character)
        } else {
          if word.count > 1 { words.insert(word) }
          word = ""
        }
      }
    }
  }
}
