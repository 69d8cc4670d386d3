internal import ClozeCompute

/// Multi-head self-attention: [N, D] to [N, D].
///
/// Source: Vaswani et al. 2017, section 3.2.2. arXiv:1706.03762
struct SelfAttention: Mixer {
  /// [3D, D]: queries, keys and values are one product.
  let queryKeyValue: LinearParameters
  let output: LinearParameters
  let width: Int
  private let headCount: Int
  private let dropoutRate: Double
  /// The places to each side that a token sees; nil for all.
  private let reach: Int?
  /// The base of rotary positions; nil if positions are learned.
  private let rotaryBase: Double?

  /// - Parameter isLocal: whether a token sees its neighbours alone.
  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration, isLocal: Bool = false) {
    reach = isLocal ? configuration.localWindow / 2 : nil
    rotaryBase =
      configuration.positions == .rotary
      ? isLocal ? configuration.localRotaryBase : configuration.rotaryBase : nil
    width = configuration.hiddenSize
    headCount = configuration.headCount
    dropoutRate = configuration.attentionDropout
    queryKeyValue = LinearParameters(
      store, path: path + ".queryKeyValue", inputs: width, outputs: 3 * width,
      configuration: configuration, hiddenMatrixCount: 3)
    output = LinearParameters(
      store, path: path + ".output", inputs: width, outputs: width, configuration: configuration)
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, _ tokens: MixerInput) -> Tensor {
    let projection = project(tape, input, positions: tokens.positions)
    let context = tape.attention(
      queries: ColumnSlice(projection), keys: ColumnSlice(projection, firstColumn: width),
      values: ColumnSlice(projection, firstColumn: 2 * width), width: width, headCount: headCount,
      spans: tokens.spans, causal: tokens.isCausal, reach: reach, dropoutRate: dropoutRate)
    return tape.linear(context, output)
  }

  /// Queries, keys and values [N, 3D].
  private func project(_ tape: Tape, _ input: Tensor, positions: [Int32]) -> Tensor {
    let projection = tape.linear(input, queryKeyValue)
    guard let rotaryBase else { return projection }
    return tape.rotary(
      projection, headCount: 2 * headCount, headWidth: width / headCount, positions: positions,
      base: rotaryBase)
  }

  /// One new token for each row [R, D], which attends to the tokens in `cache` and to itself.
  func step(_ tape: Tape, _ input: Tensor, cache: KeyValueCache) -> Tensor {
    let positions = [Int32](repeating: Int32(cache.length), count: input.rows)
    let projection = project(tape, input, positions: positions)
    let context = tape.attention(
      step: projection, cache: cache, width: width, headCount: headCount, reach: reach)
    return tape.linear(context, output)
  }
}

/// Attention of target tokens [Nt, D] over encoded source tokens [Ns, D].
///
/// Source: Vaswani et al. 2017, section 3.2.3.
struct CrossAttention: SubLayer {
  let query: LinearParameters
  /// [2D, D]: keys and values of the encoder's output are one product.
  let keyValue: LinearParameters
  let output: LinearParameters
  private let width: Int
  private let headCount: Int
  private let dropoutRate: Double

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration, sourceWidth: Int) {
    width = configuration.hiddenSize
    headCount = configuration.headCount
    dropoutRate = configuration.attentionDropout
    query = LinearParameters(
      store, path: path + ".query", inputs: width, outputs: width, configuration: configuration)
    keyValue = LinearParameters(
      store, path: path + ".keyValue", inputs: sourceWidth, outputs: 2 * width,
      configuration: configuration, hiddenMatrixCount: 2)
    output = LinearParameters(
      store, path: path + ".output", inputs: width, outputs: width, configuration: configuration)
  }

  /// The keys and values of the source [Ns, 2D], computed once for all target tokens.
  func memory(_ tape: Tape, encoded: Tensor) -> Tensor {
    tape.linear(encoded, keyValue)
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, memory: Tensor, spans: [AttentionSpan]) -> Tensor {
    let queries = tape.linear(input, query)
    let context = tape.attention(
      queries: ColumnSlice(queries), keys: ColumnSlice(memory),
      values: ColumnSlice(memory, firstColumn: width),
      width: width, headCount: headCount, spans: spans, dropoutRate: dropoutRate)
    return tape.linear(context, output)
  }
}

/// The feed-forward layer of each token: D to F, nonlinearity, F to D.
///
/// A gated one has two products from D to F, which are one here, and multiplies the activation of the first with the second.
///
/// Source: see `Nonlinearity`.
struct FeedForward: SubLayer {
  /// [F, D], or [2F, D] if it is gated.
  let intermediate: LinearParameters
  let output: LinearParameters
  private let nonlinearity: Nonlinearity

  /// - Parameter kind: any but `none`.
  init(
    _ store: ParameterStore, path: String, configuration: EncoderConfiguration, kind: FeedForwardKind = .plain
  ) {
    nonlinearity = Nonlinearity(kind.activation ?? configuration.activation, isGated: kind.isGated)
    intermediate = LinearParameters(
      store, path: path + ".intermediate", inputs: configuration.hiddenSize,
      outputs: (kind.isGated ? 2 : 1) * configuration.feedForwardSize,
      configuration: configuration, hiddenMatrixCount: kind.isGated ? 2 : 1)
    output = LinearParameters(
      store, path: path + ".output", inputs: configuration.feedForwardSize, outputs: configuration.hiddenSize,
      configuration: configuration)
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor) -> Tensor {
    tape.linear(tape.linear(input, intermediate), after: nonlinearity, output)
  }
}

extension FeedForwardKind {
  /// The nonlinearity; nil for that of the settings.
  fileprivate var activation: Activation? {
    switch self {
    case .plain, .none: nil
    case .geglu: .gelu
    case .swiglu: .silu
    case .reluSquared: .relu2
    }
  }

  var isGated: Bool { self == .geglu || self == .swiglu }
}
