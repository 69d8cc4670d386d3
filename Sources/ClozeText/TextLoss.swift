/// How much of a text its encoding loses, counted in characters (Unicode scalars).
package struct TextLoss: Codable, Equatable, Sendable {
  /// Characters of the normalized words.
  package private(set) var characters = 0
  /// Those in words that are longer than the tokenizer's longest word.
  package private(set) var tooLong = 0
  /// Those in words that became `[UNK]`, overlong words included.
  private(set) var unknown = ScalarCounts()
  /// Characters of the raw text that lost marks in normalization, or are marks that it dropped.
  private(set) var losingMarks = ScalarCounts()
  /// Capitals that normalization lower-cased.
  package private(set) var losingCase = 0

  package init() {}

  /// The loss of encoding `texts` with `tokenizer`.
  package init(
    _ texts: some Sequence<String>, _ tokenizer: Tokenizer, specials: SpecialTokenHandling = .literal
  ) {
    var encoder = TokenEncoder(tokenizer, specials: specials)
    for text in texts { _ = encoder.encode(text) }
    self = encoder.loss
  }

  package var unknownCharacters: Int { unknown.total }

  /// Whether counts that were read from a file are consistent, and small enough to be added to.
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
