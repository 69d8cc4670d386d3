/// The losses of a study's trials, where a trial without one has the worst.
struct StudyLosses: Sendable {
  let values: [Double]

  /// - Returns: nil while there are not two different losses, from which nothing can be learned.
  init?(_ observations: [SearchObservation]) {
    let losses = observations.compactMap(\.finiteLoss)
    guard let worst = losses.max(), let best = losses.min(), best < worst else { return nil }
    values = observations.map { $0.finiteLoss ?? worst }
  }

  /// The positions of trials by ascending loss; of equal ones the earlier comes first.
  var order: [Int] { values.indices.sorted { (values[$0], $0) < (values[$1], $1) } }

  /// The positions of the better half of `count` trials and of the latest of the others, in ascending order.
  func bestAndLatest(_ count: Int) -> [Int] {
    guard values.count > count else { return Array(values.indices) }
    let best = order.prefix(count / 2)
    let chosen = Set(best)
    let latest = values.indices.reversed().filter { !chosen.contains($0) }.prefix(count - best.count)
    return (best + latest).sorted()
  }

  /// The values less their mean over their standard deviation; zeros if they are equal.
  static func standardized(_ values: [Double]) -> (values: [Double], mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    let deviation = variance.squareRoot()
    return (values.map { variance > 0 ? ($0 - mean) / deviation : 0 }, mean, deviation)
  }
}

extension SearchObservation {
  /// The loss, unless it is infinite or not a number, as that of a diverged trial.
  var finiteLoss: Double? { loss.flatMap { $0.isFinite ? $0 : nil } }
}
