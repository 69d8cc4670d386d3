internal import COpenSSL
package import Foundation

/// A SHA-256 digest: the identity of a corpus, a tokenizer, a shard, a checkpoint.
package struct Digest: Hashable, Codable, Sendable, CustomStringConvertible {
  /// The 256 bits; the first byte is the highest of the first word.
  package let words: SIMD4<UInt64>

  /// Reads 64 lower-case hexadecimal digits; nil for anything else.
  package init?(hex: String) {
    var hex = hex
    guard let digest = hex.withUTF8({ Digest(digits: UnsafeRawBufferPointer($0)) }) else { return nil }
    self = digest
  }

  /// Reads 64 lower-case hexadecimal digits; nil for anything else.
  package init?(digits: UnsafeRawBufferPointer) {
    guard digits.count == 64 else { return nil }
    var words = SIMD4<UInt64>()
    var isValid = true
    for part in 0..<4 {
      var word: UInt64 = 0
      for digit in digits[16 * part..<16 * part + 16] {
        let isDecimal = digit &- 48 < 10
        isValid = isValid && (isDecimal || digit &- 97 < 6)
        word = word << 4 | UInt64(isDecimal ? digit &- 48 : digit &- 87)
      }
      words[part] = word
    }
    guard isValid else { return nil }
    self.words = words
  }

  package init(of bytes: UnsafeRawBufferPointer) {
    var hasher = DigestBuilder()
    hasher.update(bytes)
    self = hasher.finalize()
  }

  package init(of data: Data) {
    self = data.withUnsafeBytes { Digest(of: $0) }
  }

  package init(of text: String) {
    self.init(of: Data(text.utf8))
  }

  /// The size of a digest in binary files.
  package static let byteCount = 32

  /// Reads the first 32 of `bytes`.
  package init(bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count >= Digest.byteCount, "Digest: \(bytes.count) bytes")
    func word(_ part: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * part, as: UInt64.self))
    }
    words = SIMD4(word(0), word(1), word(2), word(3))
  }

  /// Appends the 32 bytes.
  package func append(to bytes: inout [UInt8]) {
    for part in 0..<4 {
      withUnsafeBytes(of: words[part].bigEndian) { bytes.append(contentsOf: $0) }
    }
  }

  /// 64 lower-case hexadecimal digits.
  package var hex: String {
    String(unsafeUninitializedCapacity: 64) {
      write(digitsTo: $0)
      return 64
    }
  }

  fileprivate func write(digitsTo digits: UnsafeMutableBufferPointer<UInt8>) {
    for part in 0..<4 {
      let word = words[part]
      for place in 0..<16 {
        let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * place)) & 15
        digits[16 * part + place] = value + (value < 10 ? 48 : 87)
      }
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(hex: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not a SHA-256 digest of 64 hexadecimal digits")
    }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }

  package var description: String { hex }

  /// The first eight digits, for signatures and messages.
  package var short: String { String(hex.prefix(8)) }
}

/// Computes a digest incrementally, in constant memory.
package struct DigestBuilder: ~Copyable {
  private let context: OpaquePointer

  package init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto gives no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    EVP_DigestUpdate(context, base, bytes.count)
  }

  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
  }

  package mutating func update(_ data: Data) {
    data.withUnsafeBytes { update($0) }
  }

  /// Appends the hexadecimal digits of a digest.
  package mutating func update(_ digest: Digest) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { digits in
      digest.write(digitsTo: digits)
      update(UnsafeRawBufferPointer(digits))
    }
  }

  package consuming func finalize() -> Digest { finish() }

  /// The digest of the bytes so far; resets the builder. For millions of documents this is much cheaper than a new
  /// builder for each.
  package mutating func finish() -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
      EVP_DigestFinal_ex(context, bytes.bindMemory(to: UInt8.self).baseAddress, nil)
      EVP_DigestInit_ex(context, nil, nil)
      return Digest(bytes: UnsafeRawBufferPointer(bytes))
    }
  }

  /// The digest of the bytes so far; the builder continues.
  package var digestSoFar: Digest {
    var copy = DigestBuilder()
    guard EVP_MD_CTX_copy_ex(copy.context, context) == 1 else {
      preconditionFailure("libcrypto copies no SHA-256")
    }
    return copy.finish()
  }
}
