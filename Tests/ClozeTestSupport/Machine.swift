package import ClozeCompute

/// What this machine's processor lets a test ask for. `ONEDNN_MAX_CPU_ISA=AVX2` stands for an older one.
package enum Machine {
  /// float32, and bfloat16 where the processor multiplies it.
  package static let precisions: [ElementType] = multipliesBFloat16 ? [.float32, .bfloat16] : [.float32]

  package static var multipliesBFloat16: Bool { Processor.multipliesBFloat16 }
}
