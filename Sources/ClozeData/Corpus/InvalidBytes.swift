internal import ClozeText

/// A byte that is not of the encoding that a text is read in.
package struct InvalidPlace: Sendable, Equatable, CustomStringConvertible {
  let path: String
  let offset: Int
  /// Which bytes are counted, where it is not the file's: words that end in a space.
  let stream: String
  let encoding: String
  /// Whether the tool has options for other encodings.
  let canChoose: Bool

  package var description: String { "\(path): byte \(offset) \(stream)is not valid \(encoding)" }
}

/// How many bytes of a text are invalid, so far.
struct InvalidBytes: Codable, Sendable, Equatable {
  /// More than one byte in so many is no accident: the text has another encoding.
  static let ordinaryShare = 1000

  private(set) var count = 0
  /// Where in the text the first of them is.
  private(set) var firstOffset: Int?

  var isPlausible: Bool { [count, firstOffset ?? 0].allSatisfy { (0...1 << 56).contains($0) } }

  /// - Parameter offset: the place in the text of the first byte that was validated.
  mutating func add(_ validation: UTF8Validation, at offset: Int) {
    count += validation.invalidByteCount
    if firstOffset == nil { firstOffset = validation.firstInvalidOffset.map { offset + $0 } }
  }

  /// Refuses a text of another encoding.
  /// - Parameters:
  ///   - byteCount: of the text.
  ///   - sample: some of its lines that are invalid.
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
    // Its last character may be cut off.
    let whole = beginning.count < FileContent.examinedBytes ? beginning : beginning.dropLast(3)
    invalid.add(Array(whole).withUnsafeBufferPointer { UTF8Validation($0) }, at: text.offset)
    // A few are for whoever reads the lines to name.
    guard invalid.count >= 8 else { return }
    try invalid.check(text, byteCount: whole.count, sample: Array(whole))
  }

  private static func guess(_ text: OpenedText, sample: [UInt8]) -> String? {
    let beginning = text.beginning.prefix(1 << 13)
    // What is valid there, or was converted, says nothing; the sample does, unless it was converted.
    guard text.conversion == nil else {
      let validation = Array(beginning).withUnsafeBufferPointer { UTF8Validation($0) }
      return validation.invalidByteCount < 4 ? "UTF-8" : EncodingGuess.encoding(of: beginning)?.name
    }
    return (EncodingGuess.encoding(of: sample[...]) ?? EncodingGuess.encoding(of: beginning))?.name
  }
}
