import ClozeCompute
import ClozeTestSupport
import Foundation
import Testing

@Suite struct GradientLaneTests {
  private let store: ParameterStore
  private let linear: LinearParameters
  private let unused: Parameter

  init() {
    store = ParameterStore(precision: .float32)
    linear = LinearParameters(
      weight: store.declare("weight", shape: [5, 7], initialization: .normal(standardDeviation: 0.5)),
      bias: store.declare("bias", shape: [5], initialization: .zeros))
    unused = store.declare("unused", shape: [3, 3], initialization: .ones)
    store.allocate(seed: 4)
  }

  /// One micro-batch: a linear map, a weighted sum as its loss.
  private func run(_ tape: Tape, _ lane: GradientLane, microbatch: Int, usesBias: Bool = true) {
    tape.begin(lane: lane)
    let input = tape.makeTensor(rows: 4, columns: 7, values: RandomValues.signed(28, seed: microbatch))
    let output = tape.linear(
      input, usesBias ? linear : LinearParameters(weight: linear.weight, bias: nil))
    tape.seedGradient(of: output, with: RandomValues.signed(20, seed: 50 + microbatch))
    tape.backward()
  }

  private func bits(_ lane: GradientLane) -> [UInt32] {
    lane.numbers(count: store.elementCount).map(\.bitPattern)
  }

  /// Lanes filled by any number of threads, in any order, and added in any number of ranges.
  @Test(arguments: [1, 2, 3, 4, 5, 8], [1, 2, 3])
  func sumIsTheSameForAnyThreads(laneCount: Int, threadCount: Int) {
    func filledLanes(threadCount: Int) -> [GradientLane] {
      let lanes = (0..<laneCount).map { _ in GradientLane(store) }
      DispatchQueue.concurrentPerform(iterations: threadCount) { thread in
        let tape = Tape(store: store)
        for lane in (0..<laneCount).reversed() where lane % threadCount == thread {
          lanes[lane].begin()
          for round in 0..<3 { run(tape, lanes[lane], microbatch: round * laneCount + lane) }
          lanes[lane].end()
        }
      }
      return lanes
    }
    let expected = filledLanes(threadCount: 1)
    GradientLane.sum(expected, range: 0..<store.elementCount)
    let lanes = filledLanes(threadCount: threadCount)
    let bounds = (0...threadCount).map { $0 * store.elementCount / threadCount }
    DispatchQueue.concurrentPerform(iterations: threadCount) { thread in
      GradientLane.sum(lanes, range: bounds[thread]..<bounds[thread + 1])
    }
    #expect(bits(lanes[0]) == bits(expected[0]))
    #expect(lanes[0].numbers(of: linear.weight).contains { $0 != 0 })
  }

  /// The order of the additions is part of the result: pairs, then pairs of pairs.
  @Test(arguments: [1, 2, 3, 4, 5, 8])
  func sumGoesByPairs(laneCount: Int) {
    func sum(_ values: ArraySlice<Float>) -> Float {
      guard values.count > 1 else { return values.first ?? 0 }
      var half = 1
      while 2 * half < values.count { half *= 2 }
      return sum(values.prefix(half)) + sum(values.dropFirst(half))
    }
    let lanes = (0..<laneCount).map { _ in GradientLane(store) }
    let values = RandomValues.uniform(laneCount, from: -1, to: 1e4, seed: laneCount)
    for (lane, value) in zip(lanes, values) { lane.values[9] = value }
    GradientLane.sum(lanes, range: 0..<store.elementCount)
    #expect(lanes[0].numbers(count: store.elementCount)[9] == sum(values[...]))
  }

  /// What a step did not touch is zero, not what a step before left there.
  @Test func unusedParametersHaveNoGradient() {
    let lane = GradientLane(store)
    let tape = Tape(store: store)
    guard let bias = linear.bias else { return }
    lane.values(of: unused).update(repeating: 7)
    for usesBias in [true, false, true] {
      lane.begin()
      run(tape, lane, microbatch: 0, usesBias: usesBias)
      lane.end()
      #expect(lane.numbers(of: unused).allSatisfy { $0 == 0 })
      #expect(lane.numbers(of: bias).contains { $0 != 0 } == usesBias)
    }
  }

  /// A step begins anew; micro-batches of one step add.
  @Test(arguments: [1, 2, 5])
  func microbatchesAddAndStepsDoNot(count: Int) {
    let (lane, single) = (GradientLane(store), GradientLane(store))
    let tape = Tape(store: store)
    var expected = [Float](repeating: 0, count: store.elementCount)
    for microbatch in 0..<count {
      single.begin()
      run(tape, single, microbatch: microbatch)
      single.end()
      for (i, value) in single.numbers(count: store.elementCount).enumerated() { expected[i] += value }
    }
    for _ in 0..<2 {
      lane.begin()
      for microbatch in 0..<count { run(tape, lane, microbatch: microbatch) }
      lane.end()
      let found = lane.numbers(count: store.elementCount)
      #expect(greatestDifference(found, expected) < 1e-5)
    }
  }

  @Test(arguments: [0..<1, 3..<40, 0..<64])
  func sumOfSquares(range: Range<Int>) {
    let lane = GradientLane(store)
    let values = RandomValues.signed(store.elementCount, seed: 6)
    for (i, value) in values.enumerated() { lane.values[i] = value }
    let expected = values[range].reduce(0) { $0 + Double($1) * Double($1) }
    #expect(abs(lane.sumOfSquares(range: range) - expected) < 1e-12 * expected)
  }
}
