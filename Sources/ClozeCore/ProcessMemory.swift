internal import Foundation

/// How much memory this process holds; 0 where the system does not say.
package enum ProcessMemory {
  /// Bytes held now.
  package static var resident: Int { bytes("VmRSS:") }
  /// The most bytes held so far.
  package static var peak: Int { bytes("VmHWM:") }

  /// Begins to count the peak anew, where the system allows it.
  package static func resetPeak() {
    try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
  }

  private static func bytes(_ name: String) -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) })
    else { return 0 }
    return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }
}
