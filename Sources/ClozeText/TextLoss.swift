/// What a tokenizer loses of the text that it encodes, counted in characters: Unicode scalars.
package struct TextLoss: Codable, Equatable, Sendable {
  /// Characters of the normalized words.
  package private(set) var characters = 0
  /// Of these, those in words that are longer than the tokenizer's longest.
  package private(set) var tooLong = 0
  /// Of these, those in words that became `[UNK]`, the long ones among them.
  private(set) var unknown = ScalarCounts()
  /// Characters of the text from which normalization took marks, or which were such marks.
  private(set) var losingMarks = ScalarCounts()
  /// Capitals that normalization made small.
  package private(set) var losingCase = 0

  package init() {}

  /// What `tokenizer` loses of `texts`.
  package init(
    _ texts: some Sequence<String>, _ tokenizer: Tokenizer, specials: SpecialTokenHandling = .literal
  ) {
    var encoder = TokenEncoder(tokenizer, specials: specials)
    for text in texts { _ = encoder.encode(text) }
    self = encoder.loss
  }

  package var unknownCharacters: Int { unknown.total }

  /// Whether counts that were read may be believed and added to.
  package var isPlausible: Bool {
    [characters, tooLong, losingCase].allSatisfy { (0...1 << 56).contains($0) }
      && unknownCharacters <= characters
  }

  package static func += (left: inout TextLoss, right: TextLoss) {
    left.characters += right.characters
    left.tooLong += right.tooLong
    left.unknown += right.unknown
    left.losingMarks += right.losingMarks
    left.losingCase += right.losingCase
  }

  @inline(__always)
  mutating func add(characters count: Int) { characters += count }
  mutating func add(losingMarks scalar: UInt32) { losingMarks.add(scalar) }
  mutating func add(losingCase count: Int) { losingCase += count }
  mutating func add(tooLong count: Int) { tooLong += count }

  /// Counts the characters of a word that became `[UNK]`.
  mutating func add(unknown word: UnsafeBufferPointer<UInt8>) {
    var offset = 0
    while offset < word.count {
      let step = UTF8Decoding.step(word, at: offset)
      unknown.add(step.scalar)
      offset += step.byteCount
    }
  }
}
