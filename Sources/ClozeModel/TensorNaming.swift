internal import Foundation

/// Translates the names of tensors between a folder and `ArchiveEntry`, whose names are BERT's.
///
/// A folder of BERT's blocks with pre-norm has the names of `RobertaPreLayerNorm`, the pre-norm encoder of `transformers`,
/// which are RoBERTa's but for two norms. In both, the table of positions begins with rows that no token reads: the first
/// token's position is the padding's id + 1. `ModernBERTNaming` has ModernBERT's names.
struct TensorNaming {
  /// Whether the folder is an `EncoderDecoderModel`, or an encoder with any head, or none.
  let isEncoderDecoder: Bool
  let architecture: Architecture
  /// The rows before the first position's.
  let leadingPositions: Int
  private let modern: ModernBERTNaming
  /// nil for all but RoFormer.
  private let rotaryRows: RoFormerTensors?
  /// Whether the layer below the classes is a part of the classifier, and not the pooler of the encoder. Only for writing.
  var hasDeepClassifier = false

  /// - Throws: `ArchiveError`
  init(_ file: ConfigurationFile) throws {
    isEncoderDecoder = try file.modelType() == ConfigurationFile.encoderDecoderType
    let encoder = isEncoderDecoder ? try file.section("encoder") : file
    architecture = try encoder.architecture() ?? .bert
    modern = ModernBERTNaming(hasLanguageHead: encoder.modelClass?.hasSuffix("ForMaskedLM") ?? true)
    leadingPositions = try encoder.leadingPositions()
    rotaryRows =
      architecture == .roFormer ? RoFormerTensors(headWidth: try encoder.rotaryHeadWidth()) : nil
  }

  /// - Parameters:
  ///   - padding: the id of the padding token.
  ///   - headWidth: of attention; for RoFormer alone.
  init(_ architecture: Architecture, isEncoderDecoder: Bool = false, padding: Int32, headWidth: Int = 0) {
    self.isEncoderDecoder = isEncoderDecoder
    self.architecture = architecture
    modern = ModernBERTNaming(hasLanguageHead: true)
    leadingPositions = architecture.robertaPrefix == nil ? 0 : Int(padding) + 1
    rotaryRows = architecture == .roFormer ? RoFormerTensors(headWidth: headWidth) : nil
  }

  /// The table of the output layer, which most models share with the token embeddings.
  static let outputTable = "cls.predictions.decoder.weight"
  static let tokenTable = "bert.embeddings.word_embeddings.weight"

  // MARK: Names

  /// Names of modules in RoBERTa, whose encoder's begin with `prefix`, and in BERT. The first one that a name contains is
  /// replaced.
  private static func modules(_ prefix: String) -> [(String, String)] {
    [
      (prefix + "LayerNorm.", "bert.encoder.LayerNorm."),
      ("classifier.dense.", "bert.pooler.dense."),
      ("classifier.out_proj.", "classifier."),
      (prefix, "bert."),
      ("lm_head.layer_norm.", "cls.predictions.transform.LayerNorm."),
      ("lm_head.dense.", "cls.predictions.transform.dense."),
      ("lm_head.", "cls.predictions."),
    ]
  }
  /// Names of norms in `RobertaPreLayerNorm` and in BERT.
  private static let norms = [
    ("attention.LayerNorm.", "attention.output.LayerNorm."),
    ("intermediate.LayerNorm.", "output.LayerNorm."),
  ]
  /// Names of modules in `ElectraForMaskedLM` and in BERT.
  private static let electraModules = [
    ("generator_predictions.dense.", "cls.predictions.transform.dense."),
    ("generator_predictions.LayerNorm.", "cls.predictions.transform.LayerNorm."),
    ("generator_lm_head.bias", "cls.predictions.bias"),
    // Of an output that is not tied, only for writing.
    ("generator_lm_head.bias", "cls.predictions.decoder.bias"),
    ("generator_lm_head.weight", "cls.predictions.decoder.weight"),
    ("electra.", "bert."),
  ]
  /// The last norm of an encoder by itself, which a translator's folder names `encoder`.
  private static let encoderNorm = ("encoder.LayerNorm.", "encoder.encoder.LayerNorm.")

  /// The names of `ArchiveEntry` whose tensors are, one below the other, the tensor `name` of a file.
  func archiveNames(_ name: String) -> [String] {
    architecture == .modernBERT ? modern.archiveNames(name) : [archiveName(name)]
  }

  /// In the first releases a norm's gain and bias are gamma and beta. The names of an encoder that was saved by itself do not
  /// begin with `bert.`.
  private func archiveName(_ name: String) -> String {
    var name = name
    for (old, new) in [("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")]
    where name.hasSuffix(old) {
      name = name.dropLast(old.count) + new
    }
    if architecture == .robertaPreLayerNorm {
      if isEncoderDecoder, name.hasPrefix(TensorNaming.encoderNorm.0) {
        return TensorNaming.encoderNorm.1 + name.dropFirst(TensorNaming.encoderNorm.0.count)
      }
      if !isEncoderDecoder, name.hasPrefix("LayerNorm.") { return "bert.encoder." + name }
      name = TensorNaming.replace(TensorNaming.norms, in: name)
    }
    if let prefix = architecture.robertaPrefix {
      name = TensorNaming.replace(TensorNaming.modules(prefix), in: name)
    }
    if architecture == .electra { name = TensorNaming.replace(TensorNaming.electraModules, in: name) }
    if architecture == .roFormer { name = TensorNaming.replace([("roformer.", "bert.")], in: name) }
    let isBare = ["embeddings.", "embeddings_project.", "encoder.", "pooler."].contains { name.hasPrefix($0) }
    return !isEncoderDecoder && isBare ? "bert." + name : name
  }

  /// The name in a file of the tensor `name` of `ArchiveEntry`.
  func fileName(_ name: String) -> String {
    if architecture == .electra {
      return TensorNaming.replace(TensorNaming.electraModules.map { ($1, $0) }, in: name)
    }
    if architecture == .modernBERT { return modern.fileName(name) }
    if architecture == .roFormer { return TensorNaming.replace([("bert.", "roformer.")], in: name) }
    guard let prefix = architecture.robertaPrefix else { return name }
    if isEncoderDecoder, name.hasPrefix(TensorNaming.encoderNorm.1) {
      return TensorNaming.encoderNorm.0 + name.dropFirst(TensorNaming.encoderNorm.1.count)
    }
    let modules = TensorNaming.modules(prefix).filter { hasDeepClassifier || !$0.0.hasPrefix("classifier.") }
    let renamed = TensorNaming.replace(modules.map { ($1, $0) }, in: name)
    guard architecture == .robertaPreLayerNorm else { return renamed }
    return TensorNaming.replace(TensorNaming.norms.map { ($1, $0) }, in: renamed)
  }

  private static func replace(_ pairs: [(old: String, new: String)], in name: String) -> String {
    for (old, new) in pairs {
      if let range = name.range(of: old) { return name.replacingCharacters(in: range, with: new) }
    }
    return name
  }

  /// Tied tensors that a folder may store under the other name: the missing name, and the name that it has.
  var alternatives: [(String, String)] {
    let prefix = isEncoderDecoder ? "decoder." : ""
    let (bias, outputBias) = (prefix + "cls.predictions.bias", prefix + "cls.predictions.decoder.bias")
    return [
      (bias, outputBias), (outputBias, bias),
      (prefix + TensorNaming.tokenTable, prefix + TensorNaming.outputTable),
    ]
  }

  // MARK: Rows

  /// The order of the rows of the tensor `name` in a file, if it is not that of `ArchiveEntry`.
  func roFormer(_ name: String) -> RoFormerTensors? {
    rotaryRows.flatMap { RoFormerTensors.isRotated(name) ? $0 : nil }
  }

  /// The rows of the tensor `name` in a file that are before those of `ArchiveEntry`.
  func leadingRows(of name: String) -> Int {
    name.hasSuffix("position_embeddings.weight") ? leadingPositions : 0
  }

  func shapeInFile(_ shape: [Int], of name: String) -> [Int] {
    [shape[0] + leadingRows(of: name)] + shape.dropFirst()
  }

  /// The tensors of a file with these entries, which are more where one tensor has the rows of several.
  func tensors(_ entries: [ArchiveEntry]) -> [(name: String, entry: ArchiveEntry)] {
    entries.reduce(into: []) { tensors, entry in
      let name = fileName(entry.name)
      guard let last = tensors.last, last.name == name else { return tensors.append((name, entry)) }
      tensors[tensors.count - 1].entry = ArchiveEntry(
        name: last.entry.name, parameter: entry.parameter,
        rows: last.entry.rows.lowerBound..<entry.rows.upperBound)
    }
  }
}
