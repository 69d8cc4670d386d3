package import ClozeCompute
internal import ClozeCore

/// The two models of replaced-token detection: a small masked-language model that fills masks, and an encoder with a head
/// that says of every token whether it was replaced.
///
/// They share the token table, whose width is E of the encoder, and the table of positions if the settings say so.
///
/// Source: Clark et al. 2020, "ELECTRA", sections 2 and 3. arXiv:2003.10555
package struct ReplacedTokenModel: Sendable {
  package let store: ParameterStore
  package let encoder: Encoder
  package let head: ReplacedTokenHead
  package let generator: MaskedLanguageModel
  package let sharesPositions: Bool

  package var configuration: EncoderConfiguration { encoder.configuration }

  /// Declares the parameters and allocates no memory. The encoder comes first, so that it has the initial values that it has
  /// in other models.
  ///
  /// - Parameters:
  ///   - generator: with the vocabulary and E of the encoder.
  ///   - sharesPositions: whether there is one table of positions. The paper has one; `transformers` has two.
  package init(
    declaring configuration: EncoderConfiguration, generator: EncoderConfiguration, sharesPositions: Bool,
    precision: ElementType
  ) {
    precondition(
      generator.vocabularySize == configuration.vocabularySize
        && generator.embeddingWidth == configuration.embeddingWidth,
      "ReplacedTokenModel: a generator with a table [\(generator.vocabularySize), \(generator.embeddingWidth)]"
    )
    store = ParameterStore(precision: precision)
    encoder = Encoder(store, path: "encoder", configuration: configuration)
    head = ReplacedTokenHead(store, path: "head", configuration: configuration)
    let embeddings = encoder.embeddings
    self.generator = MaskedLanguageModel(
      store, path: "generator", configuration: generator,
      sharing: (embeddings.token, sharesPositions ? embeddings.position : nil))
    self.sharesPositions = sharesPositions
  }

  /// The logits [N, 1], in f32, of each token having been replaced.
  package func logits(_ tape: Tape, _ input: EncoderInput) -> Tensor {
    let mark = tape.mark
    return tape.keep(head(tape, encoder(tape, input)), since: mark)
  }
}

/// The head of the encoder: dense, activation, dense to one number. [N, D] to logits [N, 1] in f32.
package struct ReplacedTokenHead: Sendable {
  let dense: LinearParameters
  let output: LinearParameters
  private let activation: Activation

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    let width = configuration.hiddenSize
    dense = LinearParameters(
      store, path: path + ".dense", inputs: width, outputs: width, configuration: configuration,
      hasBias: true)
    output = LinearParameters(
      store, path: path + ".output", inputs: width, outputs: 1, configuration: configuration,
      hasBias: true, hiddenMatrixCount: 0)
    activation = configuration.activation
  }

  func callAsFunction(_ tape: Tape, _ states: Tensor) -> Tensor {
    tape.linear(tape.activation(tape.linear(states, dense), activation), output, type: .float32)
  }
}

// A generator draws tokens and learns from the same logits.
extension MaskedLanguageModel {
  /// The input [M, E] of the output layer at the rows `predicted` [M]; -1 gives a padding row.
  package func transformed(_ tape: Tape, _ input: EncoderInput, predicted: [Int32]) -> Tensor {
    head.transformed(tape, hidden(tape, input, predicted))
  }

  /// A token for each number in [0, 1), drawn by it from the row of `transformed` of the same index; further rows are padding.
  /// nil where the logits are not finite.
  ///
  /// - Parameter excluded: tokens that are not drawn.
  package func sample(
    _ tape: Tape, transformed: Tensor, uniforms: [Double], temperature: Double, excluded: Set<Int32>
  ) -> [Int32?] {
    tape.sample(
      transformed, head.vocabulary, uniforms: uniforms,
      sampling: SamplingConfiguration(temperature: temperature), excluded: excluded
    ).map { $0?.index }
  }

  /// The loss of `labels` [M] at the rows of `transformed`, and its gradient on a recording tape, multiplied by `gradientScale`
  /// and in each row by `rowWeights` [M]; -1 is padding.
  package func crossEntropy(
    _ tape: Tape, transformed: Tensor, labels: [Int32], gradientScale: Float = 1, rowWeights: [Float]? = nil
  ) -> PredictionResult {
    tape.crossEntropy(
      transformed, head.vocabulary, labels: labels, gradientScale: gradientScale,
      rowWeights: rowWeights)
  }
}

extension EncoderConfiguration {
  /// The generator for an encoder of these settings: the same, with shares of its width, heads and layers.
  ///
  /// - Parameters:
  ///   - width: the share of the hidden size, the feed-forward size and the heads, in 0 ..< 1.
  ///   - layers: the share of the layers, from the bottom up.
  package func generator(width: Double, layers: Double) -> EncoderConfiguration {
    func share(_ whole: Int, _ share: Double, unit: Int) -> Int {
      max(1, Int((Double(whole) * share / Double(unit)).rounded())) * unit
    }
    var generator = self
    generator.layerCount = share(layerCount, layers, unit: 1)
    generator.blocks = BlockPattern(Array(layerBlocks.prefix(generator.layerCount)))
    generator.headCount = share(headCount, width, unit: 1)
    // Heads of a whole and even width.
    generator.hiddenSize = share(hiddenSize, width, unit: 2 * generator.headCount)
    generator.feedForwardSize = share(feedForwardSize, width, unit: 2 * generator.headCount)
    generator.embeddingSize = generator.hiddenSize == embeddingWidth ? 0 : embeddingWidth
    return generator
  }
}
