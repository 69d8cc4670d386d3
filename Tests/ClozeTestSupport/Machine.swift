package import ClozeCompute

/// What this machine's processor lets a test ask for. `ONEDNN_MAX_CPU_ISA=AVX2` stands for an older one.
package enum Machine {
  /// float32, and bfloat16 where the processor multiplies it.
  package static let precisions: [ElementType] = multipliesBFloat16 ? [.float32, .bfloat16] : [.float32]

  package static var multipliesBFloat16: Bool { Processor.multipliesBFloat16 }

  /// What `compute.precision: automatic` does not mean here, if the processor computes in it; else float32.
  package static let otherPrecision =
    Processor.prefersBFloat16 || !Processor.multipliesBFloat16 ? "float32" : "bfloat16"
}
