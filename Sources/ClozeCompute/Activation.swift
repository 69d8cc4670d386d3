internal import CKernels
internal import ClozeCore

/// The nonlinearity of feed-forward layers and heads, by the names that `transformers` uses.
package enum Activation: String, NamedChoice {
  /// x Φ(x), exact. Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
  case gelu
  /// GELU by a tanh approximation, from the same paper.
  case geluTanh = "gelu_new"
  /// GELU by a sigmoid approximation, x / (1 + e^-1.702x), from the same paper.
  case quickGELU = "quick_gelu"
  /// GELU, at most 10.
  case gelu10 = "gelu_10"
  case relu
  /// ReLU squared. Source: So et al. 2021, arXiv:2109.08668.
  case relu2
  /// ReLU, at most 6.
  case relu6
  /// x above 0, 0.01 x below.
  case leakyReLU = "leaky_relu"
  /// x / (1 + e^-x).
  case silu
  /// x min(max(x + 3, 0), 6) / 6
  case hardswish
  /// x tanh(ln(1 + e^x)). Source: Misra 2019, arXiv:1908.08681.
  case mish
  case tanh
  /// 1 / (1 + e^-x).
  case sigmoid
  /// Φ((x - √½) √(4π)). Source: Ma et al. 2022, arXiv:2209.10655.
  case laplace
  /// √ln(1 + e^x)
  case sqrtSoftplus = "sqrtsoftplus"
  case linear

  /// The nonlinearity that `transformers` calls `name`; it has several names for some of them.
  ///
  /// nil for an unknown name, and for `prelu` and `xielu`, which have learned parameters.
  ///
  /// Source: `ACT2FN` in `transformers/activations.py`.
  package init?(transformersName name: String) {
    switch name {
    case "gelu_python": self = .gelu
    case "gelu_accurate", "gelu_fast", "gelu_python_tanh", "gelu_pytorch_tanh": self = .geluTanh
    case "swish": self = .silu
    default: self.init(rawValue: name)
    }
  }

  var kernel: Int32 {
    let kernel =
      switch self {
      case .gelu: CLOZE_GELU
      case .geluTanh: CLOZE_GELU_TANH
      case .quickGELU: CLOZE_QUICK_GELU
      case .gelu10: CLOZE_GELU_10
      case .relu: CLOZE_RELU
      case .relu2: CLOZE_RELU2
      case .relu6: CLOZE_RELU6
      case .leakyReLU: CLOZE_LEAKY_RELU
      case .silu: CLOZE_SILU
      case .hardswish: CLOZE_HARDSWISH
      case .mish: CLOZE_MISH
      case .tanh: CLOZE_TANH
      case .sigmoid: CLOZE_SIGMOID
      case .laplace: CLOZE_LAPLACE
      case .sqrtSoftplus: CLOZE_SQRT_SOFTPLUS
      case .linear: CLOZE_LINEAR
      }
    return Int32(kernel)
  }
}

extension Tape {
  /// y = activation(x), element by element. Backward: dx = dy activation'(x).
  package func activation(_ input: Tensor, _ activation: Activation) -> Tensor {
    precondition(input.type == precision, "activation: input is \(input.type), the tape \(precision)")
    let nonlinearity = Nonlinearity(activation)
    let output = makeTensor(rows: input.rows, columns: input.columns)
    nonlinearity.values(of: input, into: output.bytes)
    record("activation", output) { [unowned self] in
      guard let gradient = output.gradient else { return }
      addGradient(of: nonlinearity, at: input, from: gradient)
    }
    return output
  }
}
