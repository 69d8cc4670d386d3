internal import CKernels
internal import ClozeCore

/// The cell of a recurrent layer, in torch's form.
package enum RecurrentCell: String, NamedChoice {
  /// A gated recurrent unit, whose reset gate multiplies after the product:
  ///
  ///     r = σ(a_r + b_r),  z = σ(a_z + b_z),  n = tanh(a_n + r b_n),  h' = (1 - z) n + z h
  ///
  /// with a = W_i x + b_i and b = W_h h + b_h. Source: Cho et al. 2014, arXiv:1406.1078v1; `torch.nn.GRU`.
  case gru
  /// Long short-term memory, with c for its cell:
  ///
  ///     i = σ(a_i + b_i),  f = σ(a_f + b_f),  g = tanh(a_g + b_g),  o = σ(a_o + b_o),  c' = f c + i g,  h' = o tanh(c')
  ///
  /// Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000 (forget gate); `torch.nn.LSTM`.
  case lstm

  /// The gates, in the order in which their weights lie one below the other.
  package var gateCount: Int {
    switch self {
    case .gru: 3
    case .lstm: 4
    }
  }

  /// The numbers that a state's element leaves for its gradient, see `kernels.h`.
  var keptCount: Int { gateCount + 1 }
}

/// The weights of a recurrent layer of width H: of each direction, the forward one first, and in it of each gate, one below
/// the other.
package struct RecurrentParameters: Sendable {
  package let cell: RecurrentCell
  /// [directions · gates · H, D]
  package let input: LinearParameters
  /// [directions · gates · H, H]
  package let state: LinearParameters

  package init(cell: RecurrentCell, input: LinearParameters, state: LinearParameters) {
    precondition(
      input.weight.rows == state.weight.rows
        && input.weight.rows % (cell.gateCount * state.weight.columns) == 0,
      "recurrent: \(input.weight.path) \(input.weight.shape), \(state.weight.path) \(state.weight.shape)")
    (self.cell, self.input, self.state) = (cell, input, state)
  }

  /// H
  package var width: Int { state.weight.columns }
  /// The rows of a direction's gates.
  var gateWidth: Int { cell.gateCount * width }
  /// 1, or 2 with a reverse direction.
  package var directionCount: Int { input.weight.rows / gateWidth }
}

extension Tape {
  /// A recurrent layer over each sequence apart: [N, D] to [N, directions · H], the states of the forward direction first.
  /// Both directions begin with zeros at their end of the sequence. Rows in no sequence become zeros.
  ///
  /// The products with the input are one product for all tokens. The products with the states are one for each step, over
  /// all sequences that still run, see `RecurrentSteps`. A row's result does not depend on the other rows of such a product,
  /// so a sequence alone has the result that it has among others.
  ///
  /// On a bf16 tape the states are carried on in f32; products and the backward pass read them in bf16.
  package func recurrent(_ input: Tensor, _ parameters: RecurrentParameters, sequences: Sequences) -> Tensor {
    precondition(
      sequences.tokenCount <= input.rows,
      "recurrent: sequences of \(sequences.tokenCount) tokens in \(input.rows) rows")
    let gates = linear(input, parameters.input)
    let steps = RecurrentSteps(sequences)
    let output = makeTensor(rows: input.rows, columns: parameters.directionCount * parameters.width)
    clearRows(from: sequences.tokenCount, of: output.bytes, columns: output.columns, rows: output.rows)
    let directions = (0..<parameters.directionCount).map {
      RecurrentDirection(self, parameters, index: $0, steps: steps, gates: gates, output: output)
    }
    for direction in directions { direction.run(self) }
    record("recurrent", output) { [unowned self] in
      guard let lane, let outputGradient = output.gradient, input.rows > 0 else { return }
      // Nothing else reads the gates, so there is nothing to add to.
      let gradient = destination(of: gates).bytes
      clearRows(from: sequences.tokenCount, of: gradient, columns: gates.columns, rows: gates.rows)
      let weight = parameters.state.weight
      let weightGradient = store.isFrozen(weight) ? nil : lane.destination(of: weight)
      for direction in directions {
        direction.runGradient(self, of: outputGradient, gates: gradient)
        direction.addWeightGradient(self, lane, weightGradient)
      }
    }
    return output
  }

  /// Fills rows of the tape's precision with zeros.
  func clearRows(
    from first: Int, of bytes: UnsafeMutableRawPointer, columns: Int, rows: Int
  ) {
    let rowBytes = columns * precision.size
    (bytes + first * rowBytes).initializeMemory(
      as: UInt8.self, repeating: 0, count: (rows - first) * rowBytes)
  }
}

/// The order of a recurrence. The sequences are sorted by length, the longest first, equal ones by their place. At step t
/// the sequences longer than t move on by a token: always a prefix of the order, so the states of a step are the first rows
/// of those of the step before.
struct RecurrentSteps {
  /// By step, the number of sequences that move on.
  let counts: [Int]
  /// By step, the sum of the counts before it.
  let starts: [Int]
  /// The tokens of each step in the order of the sequences, one step after the other: read forwards, and backwards.
  let tokens: [[Int32]]

  init(_ sequences: Sequences) {
    let order = (0..<sequences.count).sorted {
      (sequences[$1].count, $0) < (sequences[$0].count, $1)
    }
    var (counts, starts, forward, reverse) = ([Int](), [Int](), [Int32](), [Int32]())
    for step in 0..<(order.first.map { sequences[$0].count } ?? 0) {
      let running = order.prefix { sequences[$0].count > step }
      starts.append(forward.count)
      counts.append(running.count)
      forward += running.map { Int32(sequences[$0].lowerBound + step) }
      reverse += running.map { Int32(sequences[$0].upperBound - 1 - step) }
    }
    (self.counts, self.starts, tokens) = (counts, starts, [forward, reverse])
  }

  /// The most rows of a product with the states. Products have rows by the multiple, since each number of rows is prepared
  /// once; what they compute in the rows behind the last sequence is not read.
  var rowCount: Int { RecurrentSteps.padded(counts.first ?? 0) }

  static func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
