internal import COpenSSL
package import Foundation

/// A SHA-256 digest: the identity of a corpus, a tokenizer, a shard, a checkpoint.
package struct Digest: Hashable, Codable, Sendable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  package let hex: String

  /// Reads the 64 digits that `description` gives; nil where they are not.
  package init?(hex: String) {
    guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else {
      return nil
    }
    self.hex = hex
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

  fileprivate init(bytes: [UInt8]) {
    // A corpus has millions of documents, each with a digest: the digits are written in place.
    hex = String(unsafeUninitializedCapacity: 2 * bytes.count) { digits in
      func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
      for (i, byte) in bytes.enumerated() {
        digits[2 * i] = digit(byte >> 4)
        digits[2 * i + 1] = digit(byte & 15)
      }
      return 2 * bytes.count
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

/// Digests bytes as they come, in constant memory.
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

  package consuming func finalize() -> Digest {
    var bytes = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &bytes, nil)
    return Digest(bytes: bytes)
  }
}
