package import ClozeCompute
package import ClozeCore

extension ComputeConfiguration {
  /// - Throws: `ConfigurationError`
  package func validate(section: String = "compute") throws {
    let require = SettingsCheck(section)
    try require(
      precision.isSupported, "precision",
      "is bfloat16, which this processor does not multiply; choose automatic or float32")
    try require((0...1024).contains(workers), "workers", "is \(workers); choose 0 (one a core) to 1024")
    try require(gradientLanes, in: 1...1024, "gradientLanes")
  }

  /// The settings with the precision that `automatic` means on this machine, so that a run resumes elsewhere in the
  /// same precision or not at all.
  package var resolved: ComputeConfiguration {
    var settings = self
    settings.precision = elementType == .bfloat16 ? .bfloat16 : .float32
    return settings
  }

  package var elementType: ElementType { precision.elementType }
}

extension ComputeConfiguration.Precision {
  /// Whether this processor computes in it.
  package var isSupported: Bool { self != .bfloat16 || Processor.multipliesBFloat16 }

  /// What a model's weights are multiplied in on this machine.
  package var elementType: ElementType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .automatic: Processor.prefersBFloat16 ? .bfloat16 : .float32
    }
  }
}
