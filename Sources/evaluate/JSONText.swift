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

  static func bounds(_ interval: ClosedRange<Double>) -> [Double] {
    [interval.lowerBound, interval.upperBound]
  }
}

extension Figure {
  /// `12.30 %  [11.10 %, 13.50 %]`
  static func percent(_ value: Double, _ interval: ClosedRange<Double>) -> String {
    "\(percent(value, 2))  [\(percent(interval.lowerBound, 2)), \(percent(interval.upperBound, 2))]"
  }
}
