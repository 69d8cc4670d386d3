internal import ArgumentParser
package import ClozeCore

/// Options of the tools that run a model.
package struct ComputeOptions: ParsableArguments {
  @Option(help: "Threads; 0 for one a core.")
  package var workers = 0

  @Option(help: "Arithmetic: automatic, float32 or bfloat16.")
  package var precision = ComputeConfiguration.Precision.automatic

  /// The options as settings, whose other values do not matter to a tool that trains nothing.
  package var configuration: ComputeConfiguration {
    var configuration = ComputeConfiguration()
    (configuration.workers, configuration.precision) = (workers, precision)
    return configuration
  }

  /// The options that differ from their defaults, as overrides of the settings of a run.
  package var overrides: [String] {
    (workers == 0 ? [] : ["compute.workers=\(workers)"])
      + (precision == .automatic ? [] : ["compute.precision=\(precision.rawValue)"])
  }

  package init() {}

  package func validate() throws {
    guard (0...1024).contains(workers) else {
      throw ValidationError("--workers is \(workers); choose 0 to 1024")
    }
  }
}

extension ComputeConfiguration.Precision: ExpressibleByArgument {}
