internal import Foundation

/// The memory of this process; 0 if the system does not tell.
package enum ProcessMemory {
  /// Resident bytes.
  package static var resident: Int { bytes("VmRSS:") }
  /// The peak of resident bytes.
  package static var peak: Int { bytes("VmHWM:") }

  /// Resets the peak, if the system allows it.
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
