internal import Foundation

/// A message of a running program on standard error.
package enum ProgressMessage: Sendable, Equatable {
  /// The progress line, which is rewritten.
  case update(String)
  /// A line of its own.
  case line(String)
  case warning(String)
}

/// Formats figures for people.
package enum Figure {
  /// 8,123
  package static func count(_ value: Int) -> String {
    let digits = String(abs(value))
    var groups: [Substring] = []
    var rest = digits[...]
    while rest.count > 3 {
      groups.insert(rest.suffix(3), at: 0)
      rest = rest.dropLast(3)
    }
    return (value < 0 ? "-" : "") + ([rest] + groups).joined(separator: ",")
  }

  /// 12.3 %
  package static func percent(_ share: Double, _ decimals: Int = 1) -> String {
    String(format: "%.\(decimals)f %%", 100 * share)
  }

  package static func decimal(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
  }

  /// 1h02m, 3m05s, 12s
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return String(format: "%dh%02dm", whole / 3600, whole / 60 % 60) }
    if whole >= 60 { return String(format: "%dm%02ds", whole / 60, whole % 60) }
    return "\(whole)s"
  }

  /// 1.4 MB; powers of ten.
  package static func bytes(_ count: Int) -> String {
    let value = Double(count)
    if value >= 1e9 { return String(format: "%.1f GB", value / 1e9) }
    if value >= 1e6 { return String(format: "%.1f MB", value / 1e6) }
    if value >= 1e3 { return String(format: "%.1f kB", value / 1e3) }
    return "\(count) B"
  }
}
