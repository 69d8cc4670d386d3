/// Decodes Unicode scalars from bytes that need not be valid UTF-8.
enum UTF8Decoding {
  /// The result of decoding one scalar.
  struct Step {
    /// U+FFFD if the bytes are invalid.
    let scalar: UInt32
    /// The number of bytes read, at least 1.
    let byteCount: Int
    let isValid: Bool
  }

  /// Decodes the scalar at `offset`. Invalid bytes become one U+FFFD for each longest prefix of a valid sequence, as in
  /// `String(decoding:as:)`.
  ///
  /// Source: The Unicode Standard 15.0, table 3-7 and section 3.9, "U+FFFD Substitution of Maximal Subparts".
  @inline(__always)
  static func step(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int) -> Step {
    let first = UInt32(utf8[offset])
    if first < 0x80 { return Step(scalar: first, byteCount: 1, isValid: true) }
    let continuationCount: Int
    // The first continuation byte has a narrower range after E0 and F0 (overlong), ED (surrogates) and F4 (too large).
    var lowest: UInt8 = 0x80
    var highest: UInt8 = 0xBF
    var scalar: UInt32
    switch first {
    case 0xC2...0xDF:
      continuationCount = 1
      scalar = first & 0x1F
    case 0xE0...0xEF:
      continuationCount = 2
      scalar = first & 0x0F
      if first == 0xE0 { lowest = 0xA0 }
      if first == 0xED { highest = 0x9F }
    case 0xF0...0xF4:
      continuationCount = 3
      scalar = first & 0x07
      if first == 0xF0 { lowest = 0x90 }
      if first == 0xF4 { highest = 0x8F }
    default:
      return Step(scalar: 0xFFFD, byteCount: 1, isValid: false)
    }
    for index in 1...continuationCount {
      guard offset + index < utf8.count, utf8[offset + index] >= lowest, utf8[offset + index] <= highest
      else {
        return Step(scalar: 0xFFFD, byteCount: index, isValid: false)
      }
      scalar = scalar << 6 | UInt32(utf8[offset + index] & 0x3F)
      lowest = 0x80
      highest = 0xBF
    }
    return Step(scalar: scalar, byteCount: continuationCount + 1, isValid: true)
  }
}

/// Counts and locates the invalid sequences of bytes that should be UTF-8.
package struct UTF8Validation: Hashable, Sendable {
  /// The number of invalid sequences, each of which is read as one U+FFFD.
  package let invalidSequenceCount: Int
  /// The number of their bytes.
  package let invalidByteCount: Int
  /// The offset in bytes of the first of them; nil if there is none.
  package let firstInvalidOffset: Int?

  package init(_ utf8: UnsafeBufferPointer<UInt8>) {
    var count = 0
    var bytes = 0
    var first: Int?
    var offset = 0
    while offset < utf8.count {
      if offset + 8 <= utf8.count {
        let word = UnsafeRawBufferPointer(utf8).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        if word & 0x8080_8080_8080_8080 == 0 {
          offset += 8
          continue
        }
      }
      let step = UTF8Decoding.step(utf8, at: offset)
      if !step.isValid {
        count += 1
        bytes += step.byteCount
        if first == nil { first = offset }
      }
      offset += step.byteCount
    }
    invalidSequenceCount = count
    invalidByteCount = bytes
    firstInvalidOffset = first
  }
}
