import ClozeCore
import Foundation

/// Results as JSON text.
enum JSONText {
  /// One object with sorted keys.
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// JSON has no NaN and no infinity.
  static func number(_ value: Double) -> Double? { value.isFinite ? value : nil }
}
