/// Where the time of a worker's micro-batches goes: seconds by operation and direction.
///
/// Operations run one after another on a worker's thread, so the time since the last one ended is the time of this one.
package struct OperationProfile: Sendable {
  package struct Entry: Sendable, Hashable {
    package let operation: String
    package let isBackward: Bool
  }

  package private(set) var seconds: [Entry: Double] = [:]
  private var last = ContinuousClock.now

  package init() {}

  /// Begins to count: what came before belongs to nobody.
  package mutating func restart() { last = .now }

  /// Gives the time since the last call to `operation`.
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
