package import ClozeCompute
internal import Foundation

/// The operations of Cloze once more, slow and obviously right: one formula each, in double, on row-major arrays.
package enum ReferenceKernels {
  /// x [n, k] wᵀ + b for w [m, k], b [m], giving [n, m].
  package static func linear(_ x: [Float], weight w: [Float], bias b: [Float], inputs k: Int) -> [Double] {
    (0..<x.count / k).flatMap { row in
      b.indices.map { column in
        (0..<k).reduce(Double(b[column])) { $0 + Double(x[row * k + $1]) * Double(w[column * k + $1]) }
      }
    }
  }

  /// softmax of a row.
  package static func softmax(_ x: [Double]) -> [Double] {
    let greatest = x.max() ?? 0
    let exponentials = x.map { exp($0 - greatest) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }

  /// softmax(Q Kᵀ / sqrt(D / H)) V for each span and head, from matrices [rows, width]; zero rows outside all spans. With
  /// a reach, row i sees the rows i - reach ... i + reach of its span.
  package static func attention(
    queries: [Float], keys: [Float], values: [Float], width: Int, headCount: Int, spans: [AttentionSpan],
    causal: Bool, reach: Int? = nil
  ) -> [Double] {
    let headWidth = width / headCount
    var output = [Double](repeating: 0, count: queries.count)
    for span in spans {
      for (place, query) in span.queries.enumerated() {
        for head in 0..<headCount {
          let columns = head * headWidth..<(head + 1) * headWidth
          let visible = (causal ? span.keys.prefix(place + 1) : span.keys).filter {
            abs($0 - query) <= reach ?? .max
          }
          let scores = visible.map { key in
            columns.reduce(0.0) { $0 + Double(queries[query * width + $1]) * Double(keys[key * width + $1]) }
              / Double(headWidth).squareRoot()
          }
          for (probability, key) in zip(softmax(scores), visible) {
            for column in columns {
              output[query * width + column] += probability * Double(values[key * width + column])
            }
          }
        }
      }
    }
    return output
  }

  /// (z - mean) / sqrt(variance + epsilon) * gain + bias, row by row.
  package static func norm(_ z: [Double], gain: [Float], bias: [Float], epsilon: Double) -> [Double] {
    let width = gain.count
    return (0..<z.count / width).flatMap { row -> [Double] in
      let values = z[row * width..<(row + 1) * width]
      let mean = values.reduce(0, +) / Double(width)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      return zip(values, zip(gain, bias)).map {
        ($0 - mean) / (variance + epsilon).squareRoot() * Double($1.0) + Double($1.1)
      }
    }
  }

  package static func activation(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .gelu: x * 0.5 * (1 + erf(x / 2.0.squareRoot()))
    case .geluTanh: 0.5 * x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .quickGELU: x / (1 + exp(-1.702 * x))
    case .gelu10: min(ReferenceKernels.activation(.gelu, x), 10)
    case .relu: max(x, 0)
    case .relu2: max(x, 0) * max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .leakyReLU: x > 0 ? x : 0.01 * x
    case .silu: x / (1 + exp(-x))
    case .hardswish: x * min(max(x + 3, 0), 6) / 6
    case .mish: x * Foundation.tanh(x > 40 ? x : log1p(exp(x)))
    case .tanh: Foundation.tanh(x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .laplace: 0.5 * (1 + erf((x - 0.707107) / (0.282095 * 2.0.squareRoot())))
    case .sqrtSoftplus: (x > 40 ? x : log1p(exp(x))).squareRoot()
    case .linear: x
    }
  }

  /// -Σ target log softmax(x), the target being 1 - s at the label and s / V everywhere.
  package static func crossEntropy(_ x: [Double], label: Int, smoothing s: Double) -> Double {
    let probabilities = softmax(x)
    return -probabilities.indices.reduce(0) { sum, j in
      sum + ((j == label ? 1 - s : 0) + s / Double(x.count)) * log(probabilities[j])
    }
  }

  /// AdamW for one number over several gradients, as its paper writes it.
  package static func adamW(
    weight: Double, gradients: [Double], rate: Double, beta1: Double, beta2: Double, epsilon: Double,
    decay: Double
  ) -> Double {
    var (w, m, v) = (weight, 0.0, 0.0)
    for (index, g) in gradients.enumerated() {
      let t = Double(index + 1)
      m = beta1 * m + (1 - beta1) * g
      v = beta2 * v + (1 - beta2) * g * g
      let (correctedM, correctedV) = (m / (1 - pow(beta1, t)), v / (1 - pow(beta2, t)))
      w -= rate * (correctedM / (correctedV.squareRoot() + epsilon) + decay * w)
    }
    return w
  }

  /// The bf16 number nearest to a finite value, the one with an even last bit where two are equally near.
  package static func bfloat16(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    let above = Float(bitPattern: (value.bitPattern & 0xFFFF_0000) + 0x1_0000)
    // Beyond the greatest finite number, the next one up counts as twice its power of two.
    let next =
      above.isInfinite
      ? Double(below) * 2 - Double(Float(bitPattern: below.bitPattern - 0x1_0000)) : Double(above)
    let (down, up) = (abs(Double(value) - Double(below)), abs(next - Double(value)))
    if down != up { return down < up ? below : above }
    return (below.bitPattern >> 16) & 1 == 0 ? below : above
  }
}

/// max |a - b| / max(1, |b|); infinite where the lengths differ or a value is not a number.
package func greatestError(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { greatest, pair in
    let error = abs(Double(pair.0) - pair.1) / max(1, abs(pair.1))
    return error.isNaN ? .infinity : max(greatest, error)
  }
}
