internal import ClozeText

/// The place of a byte that is invalid in the encoding of its text.
package struct InvalidPlace: Sendable, Equatable, CustomStringConvertible {
  let path: String
  let offset: Int
  /// The stream in which `offset` counts, if it is not the file itself: words that end with a space.
  let stream: String
  let encoding: String
  /// Whether the tool has an option for the encoding.
  let canChoose: Bool

  package var description: String { "\(path): byte \(offset) \(stream)is not valid \(encoding)" }
}

/// Counts the invalid bytes of a text.
struct InvalidBytes: Codable, Sendable, Equatable {
  /// More than one invalid byte in so many means that the text has another encoding.
  static let ordinaryShare = 1000

  private(set) var count = 0
  /// The offset of the first of them in the text.
  private(set) var firstOffset: Int?

  var isPlausible: Bool { [count, firstOffset ?? 0].allSatisfy { (0...1 << 56).contains($0) } }

  /// - Parameter offset: the offset in the text of the first validated byte.
  mutating func add(_ validation: UTF8Validation, at offset: Int) {
    count += validation.invalidByteCount
    if firstOffset == nil { firstOffset = validation.firstInvalidOffset.map { offset + $0 } }
  }

  /// Refuses a text of another encoding.
  /// - Parameters:
  ///   - byteCount: of the text.
  ///   - sample: a sample of invalid lines.
  /// - Throws: `CorpusError`
  func check(_ text: OpenedText, byteCount: Int, sample: [UInt8]) throws {
    guard count * InvalidBytes.ordinaryShare > byteCount, let firstOffset else { return }
    throw CorpusError.otherEncoding(
      text.invalidPlace(firstOffset), count: count, guess: InvalidBytes.guess(text, sample: sample))
  }

  /// Refuses a text whose beginning has another encoding.
  /// - Throws: `CorpusError`
  static func refuseOtherEncoding(_ text: OpenedText) throws {
    var invalid = InvalidBytes()
    let beginning = text.chunk.prefix(FileContent.examinedBytes)
    // The last character may be incomplete.
    let whole = beginning.count < FileContent.examinedBytes ? beginning : beginning.dropLast(3)
    invalid.add(Array(whole).withUnsafeBufferPointer { UTF8Validation($0) }, at: text.offset)
    // A few invalid bytes are reported when the lines are read.
    guard invalid.count >= 8 else { return }
    try invalid.check(text, byteCount: whole.count, sample: Array(whole))
  }

  private static func guess(_ text: OpenedText, sample: [UInt8]) -> String? {
    let beginning = text.beginning.prefix(1 << 13)
    // Valid bytes tell nothing, nor do bytes that were converted; the sample does, unless it was converted.
    guard text.conversion == nil else {
      let validation = Array(beginning).withUnsafeBufferPointer { UTF8Validation($0) }
      return validation.invalidByteCount < 4 ? "UTF-8" : EncodingGuess.encoding(of: beginning)?.name
    }
    return (EncodingGuess.encoding(of: sample[...]) ?? EncodingGuess.encoding(of: beginning))?.name
  }
}
