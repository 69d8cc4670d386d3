internal import CKernels

/// The gradient of one lane: the sum over the lane's micro-batches, in their order, for every parameter.
///
/// A step's micro-batches are dealt to a number of lanes that the configuration sets, a lane is summed by one worker
/// from first to last, and the lanes are then added in a fixed tree. Which worker took which lane leaves no trace, so the
/// sum has the same bits for any number of workers.
///
/// `@unchecked Sendable`: one worker at a time owns a lane.
package final class GradientLane: @unchecked Sendable {
  private let store: ParameterStore
  private let buffer: UnsafeMutableBufferPointer<Float>
  /// Whether a parameter's part holds this step's sum yet; else its content is left over from the step before.
  private var isWritten: [Bool]

  package init(_ store: ParameterStore) {
    self.store = store
    buffer = .allocate(capacity: store.elementCount)
    buffer.initialize(repeating: 0)
    isWritten = Array(repeating: false, count: store.parameters.count)
  }

  deinit { buffer.deallocate() }

  /// The flat buffer, laid out as the store's.
  package var values: UnsafeMutablePointer<Float> {
    guard let base = buffer.baseAddress else {
      preconditionFailure("GradientLane: a model without parameters")
    }
    return base
  }

  package func values(of parameter: Parameter) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: buffer[parameter.range])
  }

  /// Starts a new sum.
  package func begin() {
    for i in isWritten.indices { isWritten[i] = false }
  }

  /// Where a backward writes a parameter's gradient, and whether it must add to what is there.
  func destination(of parameter: Parameter) -> (values: UnsafeMutablePointer<Float>, accumulates: Bool) {
    defer { isWritten[parameter.index] = true }
    return (values + parameter.offset, isWritten[parameter.index])
  }

  /// The same for a backward that can only add: zeros are put there first.
  func accumulator(of parameter: Parameter) -> UnsafeMutablePointer<Float> {
    let (values, accumulates) = destination(of: parameter)
    if !accumulates { values.update(repeating: 0, count: parameter.count) }
    return values
  }

  /// Ends the sum: a parameter that no micro-batch used has gradient 0.
  package func end() {
    for parameter in store.parameters where !isWritten[parameter.index] {
      (values + parameter.offset).update(repeating: 0, count: parameter.count)
    }
  }

  /// lanes[0] becomes the sum of all lanes over `range`, by pairs: ((0 + 1) + (2 + 3)) + …
  package static func sum(_ lanes: [GradientLane], range: Range<Int>) {
    var distance = 1
    while distance < lanes.count {
      for i in stride(from: 0, to: lanes.count - distance, by: 2 * distance) {
        cloze_add(
          range.count, lanes[i].values + range.lowerBound, lanes[i + distance].values + range.lowerBound)
      }
      distance *= 2
    }
  }

  /// Σ g² over `range`.
  package func sumOfSquares(range: Range<Int>) -> Double {
    cloze_sum_of_squares(range.count, values + range.lowerBound)
  }
}
