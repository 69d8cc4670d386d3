/// The seconds that a worker's micro-batches spend in each operation, forward and backward.
///
/// The operations of a worker run one after another, so the time of one is the time since the previous one ended.
package struct OperationProfile: Sendable {
  package struct Entry: Sendable, Hashable {
    package let operation: String
    package let isBackward: Bool
  }

  package private(set) var seconds: [Entry: Double] = [:]
  private var last = ContinuousClock.now

  package init() {}

  /// Starts the clock; the time before is not counted.
  package mutating func restart() { last = .now }

  /// Adds the time since the last call to `operation`.
  package mutating func lap(_ operation: StaticString, isBackward: Bool = false) {
    let now = ContinuousClock.now
    let (whole, parts) = (now - last).components
    seconds[Entry(operation: "\(operation)", isBackward: isBackward), default: 0] +=
      Double(whole) + Double(parts) * 1e-18
    last = now
  }

  package static func += (left: inout OperationProfile, right: OperationProfile) {
    left.seconds.merge(right.seconds, uniquingKeysWith: +)
  }
}
