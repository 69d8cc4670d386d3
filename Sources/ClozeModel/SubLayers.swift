internal import ClozeCompute

/// Multi-head self-attention: [N, D] to [N, D].
///
/// Source: Vaswani et al. 2017, section 3.2.2. arXiv:1706.03762
struct SelfAttention: SubLayer {
  /// [3D, D]: queries, keys and values are one product.
  let queryKeyValue: LinearParameters
  let output: LinearParameters
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
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, spans: [AttentionSpan], causal: Bool = false) -> Tensor {
    let projection = tape.linear(input, queryKeyValue)
    let context = tape.attention(
      queries: ColumnSlice(projection), keys: ColumnSlice(projection, firstColumn: width),
      values: ColumnSlice(projection, firstColumn: 2 * width), width: width, headCount: headCount,
      spans: spans,
      causal: causal, dropoutRate: dropoutRate)
    return tape.linear(context, output)
  }

  /// One new token for each row [R, D], which attends to the tokens in `cache` and to itself.
  func step(_ tape: Tape, _ input: Tensor, cache: KeyValueCache) -> Tensor {
    let projection = tape.linear(input, queryKeyValue)
    let context = tape.attention(step: projection, cache: cache, width: width, headCount: headCount)
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
      store, path: path + ".query", inputs: width, outputs: width, initialization: configuration.normal)
    keyValue = LinearParameters(
      store, path: path + ".keyValue", inputs: sourceWidth, outputs: 2 * width,
      initialization: configuration.normal)
    output = LinearParameters(
      store, path: path + ".output", inputs: width, outputs: width, initialization: configuration.normal)
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
/// Source: Vaswani et al. 2017, section 3.3.
struct FeedForward: SubLayer {
  let intermediate: LinearParameters
  let output: LinearParameters
  private let activation: Activation

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    intermediate = LinearParameters(
      store, path: path + ".intermediate", inputs: configuration.hiddenSize,
      outputs: configuration.feedForwardSize,
      initialization: configuration.normal)
    output = LinearParameters(
      store, path: path + ".output", inputs: configuration.feedForwardSize, outputs: configuration.hiddenSize,
      initialization: configuration.normal)
    activation = configuration.activation
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor) -> Tensor {
    let hidden = tape.activation(tape.linear(input, intermediate), activation)
    return tape.linear(hidden, output)
  }
}
