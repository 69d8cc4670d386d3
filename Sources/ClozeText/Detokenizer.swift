extension Tokenizer {
  /// The text of `ids`: pieces are joined to words, special tokens are left out, and spaces are put where English and
  /// Chinese writing have them.
  ///
  /// What the tokenizer has lost cannot be restored: case, and the original spaces where several are correct.
  package func decode(_ ids: some Sequence<TokenID>) -> String {
    var detokenizer = Detokenizer()
    for id in ids where vocabulary.tokens.indices.contains(Int(id)) {
      let token = vocabulary.tokens[Int(id)]
      if vocabulary.isSpecial[Int(id)] {
        detokenizer.endWord()
      } else if vocabulary.isContinuation[Int(id)] {
        detokenizer.continueWord(token.utf8.dropFirst(Vocabulary.continuationPrefix.utf8.count))
      } else {
        detokenizer.beginWord(token)
      }
    }
    return detokenizer.text
  }
}

/// Joins words to text, with or without a space between each two.
private struct Detokenizer {
  private var words: [Word] = []
  private var isOpen = false

  mutating func endWord() { isOpen = false }

  mutating func beginWord(_ token: String) {
    words.append(Word(text: token))
    isOpen = true
  }

  mutating func continueWord(_ bytes: Substring.UTF8View) {
    if isOpen {
      words[words.count - 1].text += String(Substring(bytes))
    } else {
      beginWord(String(Substring(bytes)))
    }
  }

  var text: String {
    var result = ""
    var openQuotes: Set<String> = []
    var joinsNext = true
    for index in words.indices {
      let word = words[index]
      let previous = index > 0 ? words[index - 1] : nil
      let next = index + 1 < words.count ? words[index + 1] : nil
      var joinsPrevious = joinsNext
      joinsNext = false
      switch word.kind {
      case .closing:
        joinsPrevious = true
        joinsNext =
          word.joinsDigits(previous, next)
          || word.joinsInitials(previous, next, index + 2 < words.count ? words[index + 2] : nil)
      case .opening:
        joinsNext = true
      case .joining:
        joinsPrevious = true
        joinsNext = true
      case .quote:
        // The first quote of a kind opens, the next one closes.
        if openQuotes.remove(word.text) != nil {
          joinsPrevious = true
        } else {
          openQuotes.insert(word.text)
          joinsNext = true
        }
      case .apostrophe:
        if let previous, let next, previous.isLetters,
          next.isContractionEnd || openQuotes.contains(word.text) && next.isLetters
        {
          joinsPrevious = true
          joinsNext = next.isContractionEnd
          if !joinsNext { openQuotes.remove(word.text) }
        } else if openQuotes.remove(word.text) != nil {
          joinsPrevious = true
        } else if let next, next.isWord || next.kind == .opening {
          // After an s it is a possessive; otherwise it opens a quotation.
          if let previous, previous.text.hasSuffix("s") {
            joinsPrevious = true
          } else {
            openQuotes.insert(word.text)
            joinsNext = true
          }
        } else {
          joinsPrevious = true
        }
      case .wide:
        joinsPrevious = true
        joinsNext = true
      case .symbol:
        joinsPrevious = joinsPrevious || word.attachesLeft(previous)
        joinsNext = word.attachesRight(next)
      case .word:
        break
      }
      if let previous, !joinsPrevious, !(previous.isWide && word.isWide) { result += " " }
      result += word.text
    }
    return result
  }
}

/// One word or mark of the text.
private struct Word {
  enum Kind {
    /// Letters, digits and everything else that has spaces around it.
    case word
    /// A mark without a space before it: , . ) ]
    case closing
    /// A mark without a space after it: ( [ $
    case opening
    /// A mark without a space on either side: - / _ @
    case joining
    /// ", which opens and closes.
    case quote
    /// ', which occurs inside words, after them, and around them.
    case apostrophe
    /// A Chinese mark, whose glyph includes its space.
    case wide
    /// A sign that is joined to digits: % # * ^
    case symbol
  }

  var text: String

  var kind: Kind {
    guard let scalar = text.unicodeScalars.first, text.unicodeScalars.dropFirst().isEmpty else {
      return .word
    }
    switch scalar {
    case ",", ".", ";", ":", "!", "?", ")", "]", "}", "…", "”", "»", "°": return .closing
    case "(", "[", "{", "“", "«", "¿", "¡", "$", "£", "€", "¥", "‘": return .opening
    case "-", "/", "_", "@", "\\", "‐", "‑", "–", "~": return .joining
    case "\"": return .quote
    case "'", "’": return .apostrophe
    case "%", "#", "*", "^": return .symbol
    default:
      switch scalar.value {
      case 0x3000...0x303F, 0xFE10...0xFE1F, 0xFE30...0xFE6F, 0xFF01...0xFF0F, 0xFF1A...0xFF20,
        0xFF3B...0xFF40,
        0xFF5B...0xFF65:
        return .wide
      default: return .word
      }
    }
  }

  /// Whether the word belongs to a script that is written without spaces.
  var isWide: Bool {
    guard let scalar = text.unicodeScalars.first else { return false }
    switch scalar.value {
    case 0x3000...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0xFE10...0xFE6F, 0xFF01...0xFF65,
      0x20000...0x3FFFF:
      return true
    default: return false
    }
  }

  var isWord: Bool { kind == .word }
  var isDigits: Bool { !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) } }
  var isLetters: Bool { text.unicodeScalars.allSatisfy(\.properties.isAlphabetic) && !isWide }

  /// The endings after an English apostrophe: isn't, it's, I'm, we'll, they've, you're, he'd, o'clock.
  var isContractionEnd: Bool {
    ["t", "s", "m", "ll", "ve", "re", "d", "clock", "em"].contains(text.lowercased())
  }

  /// 3.14 and 5,000 and 12:30.
  func joinsDigits(_ previous: Word?, _ next: Word?) -> Bool {
    guard let previous, let next, previous.isDigits, next.isDigits else { return false }
    switch text {
    case ".", ":": return true
    // A group of thousands has three digits, unlike the 12 in "in 2019, 12 of them".
    case ",": return next.text.utf8.count == 3 && previous.text.utf8.count <= 3
    default: return false
    }
  }

  /// e.g. and U.S.: a letter with its dot follows another.
  func joinsInitials(_ previous: Word?, _ next: Word?, _ afterNext: Word?) -> Bool {
    guard text == ".", afterNext?.text == ".", let previous, let next else { return false }
    return [previous, next].allSatisfy { $0.isLetters && $0.text.unicodeScalars.dropFirst().isEmpty }
  }

  /// 50%.
  func attachesLeft(_ previous: Word?) -> Bool { text == "%" && previous?.isDigits == true }

  /// #1.
  func attachesRight(_ next: Word?) -> Bool { text == "#" && next?.isDigits == true }
}
