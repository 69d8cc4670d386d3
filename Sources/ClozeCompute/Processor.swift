internal import Foundation

/// The processor's name and abilities.
package enum Processor {
  /// Whether it has instructions that multiply bfloat16 matrices: AVX512-BF16 or AMX-BF16 on x86, BF16 on Arm.
  ///
  /// A value of `ONEDNN_MAX_CPU_ISA` without them, which limits oneDNN's kernels, makes it false.
  package static let multipliesBFloat16: Bool = {
    if let limit = ProcessInfo.processInfo.environment["ONEDNN_MAX_CPU_ISA"]?.uppercased(),
      !["ALL", "DEFAULT", ""].contains(limit), !limit.contains("BF16"), !limit.contains("AMX")
    {
      return false
    }
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return false }
    let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") } ?? ""
    return flags.split(separator: " ").contains { ["avx512_bf16", "amx_bf16", "bf16"].contains($0) }
  }()

  /// The model name from /proc/cpuinfo, for reports.
  package static let name: String = {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let colon = line.firstIndex(of: ":")
    else { return "unknown processor" }
    return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
  }()
}
