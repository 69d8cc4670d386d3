internal import ClozeCompute

/// Token + position + segment embeddings, then norm and dropout: [N] ids to [N, D]. Embeddings of another width E than the
/// layers' go through a linear layer from E to D. Rotary positions have no embeddings.
///
/// Source: Devlin et al. 2019, section 3, arXiv:1810.04805; a width of its own: Lan et al. 2020, section 3.1,
/// arXiv:1909.11942, and with a bias in ELECTRA (Clark et al. 2020).
struct Embeddings {
  let token: Parameter
  let position: Parameter?
  let segment: Parameter?
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
    func table(_ name: String, rows: Int) -> Parameter {
      store.declare("\(path).\(name)", shape: [rows, width], initialization: configuration.normal)
    }
    position =
      sharedPosition
      ?? (configuration.positions == .learned ? table("position", rows: configuration.positionCount) : nil)
    segment = configuration.segmentCount > 0 ? table("segment", rows: configuration.segmentCount) : nil
    norm = NormParameters(store, path: path + ".norm", width: width, configuration: configuration)
    projection =
      width == configuration.hiddenSize
      ? nil
      : LinearParameters(
        store, path: path + ".projection", inputs: width, outputs: configuration.hiddenSize,
        configuration: configuration, hiddenMatrixCount: 0)
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
  /// - Parameter width: the columns that it is taken over; nil for D.
  init(_ store: ParameterStore, path: String, width: Int? = nil, configuration: EncoderConfiguration) {
    let width = width ?? configuration.hiddenSize
    self.init(
      gain: store.declare(path + ".gain", shape: [width], initialization: .ones),
      bias: configuration.hasBiases
        ? store.declare(path + ".bias", shape: [width], initialization: .zeros) : nil)
  }
}

extension LinearParameters {
  /// - Parameters:
  ///   - hasBias: nil for what the configuration says.
  ///   - hiddenMatrixCount: the projections that are one product here; 0 for an output layer, see
  ///     `Parameter.hiddenMatrixCount`.
  init(
    _ store: ParameterStore, path: String, inputs: Int, outputs: Int, configuration: EncoderConfiguration,
    hasBias: Bool? = nil, hiddenMatrixCount: Int = 1
  ) {
    self.init(
      weight: store.declare(
        path + ".weight", shape: [outputs, inputs], initialization: configuration.normal,
        hiddenMatrixCount: hiddenMatrixCount),
      bias: hasBias ?? configuration.hasBiases
        ? store.declare(path + ".bias", shape: [outputs], initialization: .zeros) : nil)
  }
}
