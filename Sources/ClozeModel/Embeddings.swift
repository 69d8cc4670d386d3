internal import ClozeCompute

/// Token + position + segment embeddings, then norm and dropout: [N] ids to [N, D]. Embeddings of another width E than the
/// layers' go through a linear layer from E to D.
///
/// Source: Devlin et al. 2019, section 3, arXiv:1810.04805; a width of its own: Lan et al. 2020, section 3.1,
/// arXiv:1909.11942, and with a bias in ELECTRA (Clark et al. 2020).
struct Embeddings {
  let token: Parameter
  let position: Parameter
  let segment: Parameter
  let norm: NormParameters
  /// [D, E]; nil where E is D.
  let projection: LinearParameters?
  private let dropoutRate: Double
  private let epsilon: Float

  /// - Parameters:
  ///   - sharedToken: the token table of another module to share; nil declares a new one.
  ///   - sharedPosition: the same for the table of positions.
  init(
    _ store: ParameterStore, path: String, configuration: EncoderConfiguration, sharedToken: Parameter? = nil,
    sharedPosition: Parameter? = nil
  ) {
    let width = configuration.embeddingWidth
    token =
      sharedToken
      ?? store.declare(
        path + ".token", shape: [configuration.vocabularySize, width], initialization: configuration.normal)
    position =
      sharedPosition
      ?? store.declare(
        path + ".position", shape: [configuration.positionCount, width], initialization: configuration.normal)
    segment = store.declare(
      path + ".segment", shape: [configuration.segmentCount, width], initialization: configuration.normal)
    norm = NormParameters(store, path: path + ".norm", width: width)
    projection =
      width == configuration.hiddenSize
      ? nil
      : LinearParameters(
        store, path: path + ".projection", inputs: width, outputs: configuration.hiddenSize,
        initialization: configuration.normal)
    dropoutRate = configuration.dropout
    epsilon = Float(configuration.normEpsilon)
  }

  func callAsFunction(_ tape: Tape, tokens: [Int32], positions: [Int32], segments: [Int32]) -> Tensor {
    let sum = tape.embedding(
      tokens: tokens, positions: positions, segments: segments, tokenTable: token, positionTable: position,
      segmentTable: segment)
    let embedded = tape.dropout(tape.norm(sum, norm, epsilon: epsilon), rate: dropoutRate)
    return projection.map { tape.linear(embedded, $0) } ?? embedded
  }
}

extension NormParameters {
  init(_ store: ParameterStore, path: String, width: Int) {
    self.init(
      gain: store.declare(path + ".gain", shape: [width], initialization: .ones),
      bias: store.declare(path + ".bias", shape: [width], initialization: .zeros))
  }
}

extension LinearParameters {
  init(
    _ store: ParameterStore, path: String, inputs: Int, outputs: Int, initialization: Parameter.Initialization
  ) {
    self.init(
      weight: store.declare(path + ".weight", shape: [outputs, inputs], initialization: initialization),
      bias: store.declare(path + ".bias", shape: [outputs], initialization: .zeros))
  }
}
