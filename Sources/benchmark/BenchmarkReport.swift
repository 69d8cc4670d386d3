import ClozeCompute
import ClozeCore
import Foundation

/// All figures of a run of `benchmark`, as a table and as JSON.
struct BenchmarkReport: Encodable {
  let processor = Processor.name
  let workers: Int
  /// Operations per second, by precision.
  var matrixRates: [String: Double] = [:]
  var training: [TrainingTiming] = []

  init(workers: Int) {
    self.workers = workers
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  var heading: String {
    let rates = matrixRates.sorted { $0.key < $1.key }.map { "\($0.key) \(giga($0.value)) GFLOP/s" }
    return """
      \(processor), \(workers) workers; matrix products: \(rates.joined(separator: ", "))

      \(line("case", "precision", "tokens/s", "GFLOP/s", "share", "memory"))

      """
  }

  func row(_ timing: TrainingTiming) -> String {
    line(
      timing.name, timing.precision, Figure.count(Int(timing.tokensPerSecond)),
      giga(timing.operationsPerSecond),
      Figure.percent(timing.operationsPerSecond / (matrixRates[timing.precision] ?? .nan)),
      Figure.bytes(timing.peakMemoryBytes)) + "\n"
  }

  func breakdown(_ timing: TrainingTiming) -> String {
    timing.profile.map { part in
      "    \(padded(part.operation, 24))\(Figure.decimal(part.millisecondsPerStep, 2)) ms  "
        + "\(Figure.percent(part.share))\n"
    }.joined()
  }

  private func line(_ columns: String...) -> String {
    zip(columns, [22, 12, 12, 10, 10, 10]).map { padded($0, $1) }.joined()
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private func giga(_ value: Double) -> String { Figure.decimal(value / 1e9, 0) }
}
