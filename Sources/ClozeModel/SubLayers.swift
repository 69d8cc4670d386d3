internal import ClozeCompute

/// How a sub-layer ends: y = norm(x + dropout(projection)).
///
/// Source: Vaswani et al. 2017, sections 3.1 and 5.4 (post-norm). arXiv:1706.03762
struct ResidualNorm {
  let norm: NormParameters
  private let dropoutRate: Double
  private let epsilon: Float

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    norm = NormParameters(store, path: path, width: configuration.hiddenSize)
    dropoutRate = configuration.dropout
    epsilon = Float(configuration.normEpsilon)
  }

  func callAsFunction(_ tape: Tape, _ projection: Tensor, residual: Tensor) -> Tensor {
    tape.norm(projection, residual: residual, norm, epsilon: epsilon, dropoutRate: dropoutRate)
  }
}

/// Multi-head self-attention with its residual and norm: [N, D] to [N, D].
struct SelfAttention {
  /// [3D, D]: queries, keys and values in one product.
  let queryKeyValue: LinearParameters
  let output: LinearParameters
  let attentionNorm: ResidualNorm
  private let width: Int
  private let headCount: Int
  private let dropoutRate: Double

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    width = configuration.hiddenSize
    headCount = configuration.headCount
    dropoutRate = configuration.attentionDropout
    queryKeyValue = LinearParameters(
      store, path: path + ".queryKeyValue", inputs: width, outputs: 3 * width,
      initialization: configuration.normal)
    output = LinearParameters(
      store, path: path + ".output", inputs: width, outputs: width, initialization: configuration.normal)
    attentionNorm = ResidualNorm(store, path: path + ".attentionNorm", configuration: configuration)
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, spans: [AttentionSpan], causal: Bool = false) -> Tensor {
    let projection = tape.linear(input, queryKeyValue)
    let context = tape.attention(
      queries: ColumnSlice(projection), keys: ColumnSlice(projection, firstColumn: width),
      values: ColumnSlice(projection, firstColumn: 2 * width), width: width, headCount: headCount,
      spans: spans,
      causal: causal, dropoutRate: dropoutRate)
    return attentionNorm(tape, tape.linear(context, output), residual: input)
  }

  /// One new token a row [R, D], after the tokens in `cache`.
  func step(_ tape: Tape, _ input: Tensor, cache: KeyValueCache) -> Tensor {
    let projection = tape.linear(input, queryKeyValue)
    let context = tape.attention(step: projection, cache: cache, width: width, headCount: headCount)
    return attentionNorm(tape, tape.linear(context, output), residual: input)
  }
}

/// Attention of target tokens [Nt, D] over encoded source tokens [Ns, D], with its residual and norm.
///
/// Source: Vaswani et al. 2017, section 3.2.3.
struct CrossAttention {
  let query: LinearParameters
  /// [2D, D]: keys and values of the encoder's output in one product.
  let keyValue: LinearParameters
  let output: LinearParameters
  let attentionNorm: ResidualNorm
  private let width: Int
  private let headCount: Int
  private let dropoutRate: Double

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration, sourceWidth: Int) {
    width = configuration.hiddenSize
    headCount = configuration.headCount
    dropoutRate = configuration.attentionDropout
    query = LinearParameters(
      store, path: path + ".query", inputs: width, outputs: width, initialization: configuration.normal)
    keyValue = LinearParameters(
      store, path: path + ".keyValue", inputs: sourceWidth, outputs: 2 * width,
      initialization: configuration.normal)
    output = LinearParameters(
      store, path: path + ".output", inputs: width, outputs: width, initialization: configuration.normal)
    attentionNorm = ResidualNorm(store, path: path + ".attentionNorm", configuration: configuration)
  }

  /// The source's keys and values [Ns, 2D]; computed once a source, however many targets read them.
  func memory(_ tape: Tape, encoded: Tensor) -> Tensor {
    tape.linear(encoded, keyValue)
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, memory: Tensor, spans: [AttentionSpan]) -> Tensor {
    let queries = tape.linear(input, query)
    let context = tape.attention(
      queries: ColumnSlice(queries), keys: ColumnSlice(memory),
      values: ColumnSlice(memory, firstColumn: width),
      width: width, headCount: headCount, spans: spans, dropoutRate: dropoutRate)
    return attentionNorm(tape, tape.linear(context, output), residual: input)
  }
}

/// D to F, nonlinearity, F to D, with residual and norm.
struct FeedForward {
  let intermediate: LinearParameters
  let output: LinearParameters
  let feedForwardNorm: ResidualNorm
  private let activation: Activation

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    intermediate = LinearParameters(
      store, path: path + ".intermediate", inputs: configuration.hiddenSize,
      outputs: configuration.feedForwardSize,
      initialization: configuration.normal)
    output = LinearParameters(
      store, path: path + ".output", inputs: configuration.feedForwardSize, outputs: configuration.hiddenSize,
      initialization: configuration.normal)
    feedForwardNorm = ResidualNorm(store, path: path + ".feedForwardNorm", configuration: configuration)
    activation = configuration.activation
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor) -> Tensor {
    let hidden = tape.activation(tape.linear(input, intermediate), activation)
    return feedForwardNorm(tape, tape.linear(hidden, output), residual: input)
  }
}
