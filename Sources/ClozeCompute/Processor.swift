internal import Foundation

/// The processor's name and abilities.
package enum Processor {
  /// Whether it has instructions that multiply bfloat16 matrices: AVX512-BF16 or AMX-BF16 on x86, BF16 on Arm.
  package static var multipliesBFloat16: Bool { abilities.multipliesBFloat16 }
  /// Whether products in bfloat16 are faster than in float32.
  package static var prefersBFloat16: Bool { abilities.prefersBFloat16 }

  private static let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  private static let abilities = ProcessorAbilities(
    information, isaLimit: ProcessInfo.processInfo.environment["ONEDNN_MAX_CPU_ISA"])

  /// The model name from /proc/cpuinfo, for reports.
  package static let name = ProcessorAbilities.value("model name", information) ?? "unknown processor"
}

/// What a processor does with bfloat16, as far as its flags tell.
package struct ProcessorAbilities: Equatable {
  package let multipliesBFloat16: Bool
  package let prefersBFloat16: Bool

  /// - Parameters:
  ///   - information: the text of /proc/cpuinfo.
  ///   - isaLimit: the value of `ONEDNN_MAX_CPU_ISA`, which limits oneDNN's kernels; nil for none.
  package init(_ information: String, isaLimit: String?) {
    let text =
      ProcessorAbilities.value("flags", information)
      ?? ProcessorAbilities.value("Features", information) ?? ""
    let flags = Set(text.split(separator: " "))
    let limit = isaLimit?.uppercased() ?? ""
    let isLimited = !["ALL", "DEFAULT", ""].contains(limit)
    let hasTiles = flags.contains("amx_bf16") && (!isLimited || limit.contains("AMX"))
    let hasVectors =
      flags.contains { ["avx512_bf16", "bf16"].contains($0) }
      && (!isLimited || limit.contains("BF16") || limit.contains("AMX"))
    // Intel's cores with AVX512-FP16 (from Sapphire Rapids on) have AMX, which virtual machines may hide. Without it their
    // AVX512-BF16 does 75 GFLOP/s a core, and float32's FMA 165; on AMD's Zen 4 it does twice as much as FMA.
    let hasSlowVectors =
      ProcessorAbilities.value("vendor_id", information) == "GenuineIntel" && flags.contains("avx512_fp16")
    multipliesBFloat16 = hasTiles || hasVectors
    prefersBFloat16 = hasTiles || (hasVectors && !hasSlowVectors)
  }

  /// The value of the first line with this name.
  static func value(_ name: String, _ information: String) -> String? {
    guard let line = information.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
  }
}
