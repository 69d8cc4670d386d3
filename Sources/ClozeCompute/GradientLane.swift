internal import CKernels

/// The gradient of one lane: for every parameter the sum over the lane's micro-batches, in their order.
///
/// The settings fix the number of lanes. A step's micro-batches are dealt to the lanes, one worker sums a lane from
/// first to last, and the lanes are added in a fixed tree. Floating-point addition depends on order, and this order
/// does not depend on which worker sums which lane. So the sum has the same bits for any number of workers.
///
/// `@unchecked Sendable`: one worker at a time owns a lane.
package final class GradientLane: @unchecked Sendable {
  private let store: ParameterStore
  private let buffer: UnsafeMutableBufferPointer<Float>
  /// By parameter: whether the buffer contains a sum of this step; false: values of an earlier step.
  private var isWritten: [Bool]

  package init(_ store: ParameterStore) {
    self.store = store
    buffer = .allocate(capacity: store.elementCount)
    buffer.initialize(repeating: 0)
    isWritten = Array(repeating: false, count: store.parameters.count)
  }

  deinit { buffer.deallocate() }

  /// The flat buffer, with the layout of the store.
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

  /// The memory for a parameter's gradient, and whether a backward pass has to add to it instead of writing.
  func destination(of parameter: Parameter) -> (values: UnsafeMutablePointer<Float>, accumulates: Bool) {
    defer { isWritten[parameter.index] = true }
    return (values + parameter.offset, isWritten[parameter.index])
  }

  /// The same for a backward pass that can only add: at the first call the memory is filled with zeros.
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
        cloze_add_f32(
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
