package import ClozeCompute
package import ClozeCore

/// An encoder with a classifier of whole texts or of single tokens.
///
/// A text is classified by the state of its first token, `[CLS]`, through BERT's pooler, y = tanh(x W + b); a token by
/// its own state. Dropout and one linear layer follow, as in `BertForSequenceClassification` and
/// `BertForTokenClassification` of `transformers`.
///
/// Source: Devlin et al. 2019, sections 4.1 and 5.3. arXiv:1810.04805
package struct ClassificationModel: Sendable {
  package let store: ParameterStore
  package let kind: LabelKind
  /// The names of the classes, in the order of the logits.
  package let labels: [String]
  package let encoder: Encoder
  private let keepsClassifier: Bool
  /// [D, D]; nil if tokens are classified.
  let pooler: LinearParameters?
  /// [C, D] and [C], C being the number of labels.
  let classifier: LinearParameters

  package var configuration: EncoderConfiguration { encoder.configuration }

  /// Declares the parameters and allocates no memory.
  ///
  /// - Parameter keepsClassifier: whether a start from another classifier takes its last layer, which has the same labels.
  package init(
    declaring configuration: EncoderConfiguration, kind: LabelKind, labels: [String],
    keepsClassifier: Bool = false, precision: ElementType
  ) {
    precondition(labels.count >= 2, "ClassificationModel: \(labels.count) labels")
    store = ParameterStore(precision: precision)
    self.kind = kind
    self.labels = labels
    self.keepsClassifier = keepsClassifier
    let width = configuration.hiddenSize
    encoder = Encoder(store, path: "encoder", configuration: configuration)
    pooler =
      kind == .classification
      ? LinearParameters(
        store, path: "pooler", inputs: width, outputs: width, configuration: configuration, hasBias: true)
      : nil
    classifier = LinearParameters(
      store, path: "classifier", inputs: width, outputs: labels.count, configuration: configuration,
      hasBias: true, hiddenMatrixCount: 0)
  }

  /// The logits [M, C] in f32 at the rows `classified` [M] of the micro-batch; -1 gives a padding row.
  package func logits(_ tape: Tape, _ input: EncoderInput, classified: [Int32]) -> Tensor {
    tape.vocabularyLogits(hidden(tape, input, classified), output)
  }

  /// The loss of `labels` [M] at the rows `classified` [M], and its gradient on a recording tape; -1 in both is padding.
  package func crossEntropy(
    _ tape: Tape, _ input: EncoderInput, classified: [Int32], labels: [Int32], labelSmoothing: Double = 0
  ) -> PredictionResult {
    tape.crossEntropy(
      hidden(tape, input, classified), output, labels: labels, labelSmoothing: labelSmoothing)
  }

  /// The classifier as the output layer of a language model, since the same operation computes the loss.
  private var output: VocabularyParameters {
    guard let bias = classifier.bias else { preconditionFailure("ClassificationModel: no bias") }
    return VocabularyParameters(table: classifier.weight, bias: bias)
  }

  private func hidden(_ tape: Tape, _ input: EncoderInput, _ classified: [Int32]) -> Tensor {
    let mark = tape.mark
    var hidden = tape.keep(tape.gatherRows(encoder(tape, input), classified), since: mark)
    if let pooler { hidden = tape.activation(tape.linear(hidden, pooler), .tanh) }
    return tape.dropout(hidden, rate: configuration.dropout)
  }
}

extension ClassificationModel: ArchivedModel {
  /// The encoder of any model; the pooler of a BERT that has one; the classifier of one with the same labels.
  package func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor {
    if let tensor = kind.encoderTensor(name) { return tensor }
    if name.hasPrefix("classifier.") { return keepsClassifier ? .loaded(name) : .new }
    // A translator's folder has an empty pooler.
    return kind == .translation ? .new : .ofPart(name, part: "bert.pooler.")
  }
}
