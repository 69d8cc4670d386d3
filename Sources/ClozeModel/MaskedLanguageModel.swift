package import ClozeCompute

/// An encoder with the prediction head of masked-language pretraining.
///
/// Sendable: after construction the modules are ranges of the store and never change.
package struct MaskedLanguageModel: Sendable {
  package let store: ParameterStore
  package let encoder: Encoder
  package let head: MaskedLanguageHead
  /// [V, D]: the encoder's token table, or a table of its own if the output is not tied.
  let outputTable: Parameter

  package var configuration: EncoderConfiguration { encoder.configuration }
  package var tiesOutput: Bool { outputTable.path == encoder.embeddings.token.path }

  /// Declares the parameters and draws their initial values.
  package init(configuration: EncoderConfiguration, precision: ElementType, seed: UInt64) {
    self.init(declaring: configuration, precision: precision)
    store.allocate(seed: seed)
  }

  /// Declares the parameters and allocates no memory.
  ///
  /// - Parameter tiesOutput: whether the output layer shares the token embeddings, as in all models that Cloze trains.
  package init(declaring configuration: EncoderConfiguration, precision: ElementType, tiesOutput: Bool = true)
  {
    store = ParameterStore(precision: precision)
    encoder = Encoder(store, path: "encoder", configuration: configuration)
    outputTable =
      tiesOutput
      ? encoder.embeddings.token
      : store.declare(
        "head.outputTable", shape: [configuration.vocabularySize, configuration.embeddingWidth],
        initialization: configuration.normal)
    head = MaskedLanguageHead(
      store, path: "head", configuration: configuration, tokenTable: outputTable)
  }

  /// Declares the parameters in the store of another encoder, whose tables this model reads as well.
  init(
    _ store: ParameterStore, path: String, configuration: EncoderConfiguration,
    sharing tables: (token: Parameter, position: Parameter?)
  ) {
    self.store = store
    encoder = Encoder(
      store, path: path + ".encoder", configuration: configuration, sharing: tables)
    outputTable = tables.token
    head = MaskedLanguageHead(
      store, path: path + ".head", configuration: configuration, tokenTable: outputTable)
  }

  /// The logits [M, V] at the rows `predicted` [M] of the micro-batch, all at once; -1 gives a padding row.
  package func logits(_ tape: Tape, _ input: EncoderInput, predicted: [Int32]) -> Tensor {
    head(tape, hidden(tape, input, predicted))
  }

  /// The loss of `labels` [M] at the rows `predicted` [M], and its gradient on a recording tape; -1 in both is padding.
  package func crossEntropy(
    _ tape: Tape, _ input: EncoderInput, predicted: [Int32], labels: [Int32], gradientScale: Float = 1
  ) -> PredictionResult {
    head.crossEntropy(
      tape, hidden(tape, input, predicted), labels: labels, gradientScale: gradientScale)
  }

  /// The `count` likeliest tokens at each of the rows `predicted`, best first.
  package func likeliest(
    _ tape: Tape, _ input: EncoderInput, predicted: [Int32], count: Int, excluded: Set<Int32>
  ) -> [[ScoredClass]] {
    head.likeliest(tape, hidden(tape, input, predicted), count: count, excluded: excluded)
  }

  /// The states [M, D] of the rows `predicted` [M].
  func hidden(_ tape: Tape, _ input: EncoderInput, _ predicted: [Int32]) -> Tensor {
    let mark = tape.mark
    return tape.keep(tape.gatherRows(encoder(tape, input), predicted), since: mark)
  }
}
