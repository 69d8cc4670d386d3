package import ClozeCompute
package import ClozeCore
package import Foundation

extension ClassificationModel {
  /// `BertForSequenceClassification`'s names, or `BertForTokenClassification`'s.
  package var archiveEntries: [ArchiveEntry] {
    encoder.entries("bert.") + (pooler?.entries(["bert.pooler.dense."]) ?? [])
      + classifier.entries(["classifier."])
  }
}

extension LabelKind {
  /// The class of `transformers`.
  fileprivate func modelClass(_ architecture: Architecture) -> String {
    switch self {
    case .classification: architecture.classPrefix + "ForSequenceClassification"
    case .tagging: architecture.classPrefix + "ForTokenClassification"
    }
  }

  fileprivate init?(modelClass: String?, _ architecture: Architecture) {
    guard let kind = LabelKind.allCases.first(where: { $0.modelClass(architecture) == modelClass }) else {
      return nil
    }
    self = kind
  }
}

// Classifiers among the model folders.
extension ModelArchive {
  /// Whether the folder's classifier labels texts or tokens; nil for other models.
  /// - Throws: `ArchiveError`, `FileError`
  package static func labelKind(of folder: URL) throws -> LabelKind? {
    let file = try ConfigurationFile(folder)
    guard !file.hasForeignClassifier else { return nil }
    return try file.architecture().flatMap { LabelKind(modelClass: file.modelClass, $0) }
  }

  /// The names of a classifier's classes, by number.
  /// - Throws: `ArchiveError`, `FileError`
  package static func labels(of folder: URL) throws -> [String] { try ConfigurationFile(folder).labels() }

  /// - Parameter kind: the kind that the model must have; nil for either.
  /// - Throws: `ArchiveError.wrongKind` for a model of another kind, `ArchiveError`, `TensorFileError`, `FileError`
  package static func loadClassificationModel(
    _ folder: URL, kind expected: LabelKind?, precision: ElementType
  ) throws -> (model: ClassificationModel, metadata: [String: String]) {
    let file = try ConfigurationFile(folder)
    if file.hasForeignClassifier {
      throw ArchiveError.unsupported(path: file.path, what: "the classifier of \(file.modelClass ?? "")")
    }
    let found = try labelKind(of: folder)
    guard let found, expected == nil || found == expected else {
      throw ArchiveError.wrongKind(
        path: folder.path, expected: expected?.rawValue ?? "classification or tagging",
        found: try found?.rawValue ?? file.foreignClass ?? kind(of: folder).rawValue)
    }
    if let problem = try file.problemType(), problem != "single_label_classification" {
      throw ArchiveError.unsupported(path: file.path, what: "the problem type '\(problem)'")
    }
    let weights = try ModelWeights(folder)
    let model = ClassificationModel(
      declaring: try file.encoder(), kind: found, labels: try file.labels(), precision: precision)
    try load(model.archiveEntries, tied: [], from: weights, into: model.store)
    return (model, weights.metadata)
  }

  /// Writes the folder so that `AutoModelForSequenceClassification` or `AutoModelForTokenClassification` loads it.
  ///
  /// - Parameter padding: the id of the padding token.
  package static func write(
    _ model: ClassificationModel, to folder: URL, metadata: [String: String], padding: Int32 = 0
  ) throws {
    let architecture = model.configuration.architecture.ofClassifier(model.kind)
    var settings = ConfigurationFile.settings(model.configuration, as: architecture, padding: padding)
    settings["architectures"] = [model.kind.modelClass(architecture)]
    settings["num_labels"] = model.labels.count
    settings["id2label"] = Dictionary(
      uniqueKeysWithValues: model.labels.enumerated().map { (String($0.offset), $0.element) })
    settings["label2id"] = Dictionary(
      uniqueKeysWithValues: model.labels.enumerated().map { ($0.element, $0.offset) })
    if model.kind == .classification { settings["problem_type"] = "single_label_classification" }
    try ConfigurationFile.write(settings, to: folder)
    var naming = TensorNaming(architecture, padding: padding, headWidth: model.configuration.headWidth)
    naming.hasDeepClassifier = model.pooler != nil
    try RoFormerTensors.withPositions(model.configuration, as: architecture, ["roformer."]) { positions in
      try write(
        model.archiveEntries, of: model.store, to: folder, metadata: metadata, naming: naming,
        besides: positions)
    }
  }
}

extension ConfigurationFile {
  /// The class of a model that is none of Cloze's kinds, such as BertForQuestionAnswering.
  fileprivate var foreignClass: String? {
    let own = ["ForMaskedLM", "ForPreTraining", "EncoderDecoderModel"]
    return modelClass.flatMap { name in own.contains(where: name.hasSuffix) ? nil : name }
  }

  /// Whether the folder has a classifier with another head than BERT's. Its encoder can be read.
  fileprivate var hasForeignClassifier: Bool {
    ["Electra", "RoFormer", "ModernBert"].contains { modelClass == $0 + "ForSequenceClassification" }
      || modelClass == "ModernBertForTokenClassification"
  }

  /// The names of the classes, by number. `transformers` writes none if they were not named.
  /// - Throws: `ArchiveError.badConfiguration`
  func labels() throws -> [String] {
    let count = try optional("num_labels", "a whole number", \.integer)
    guard let members = try optional("id2label", "an object", \.members) else {
      return (0..<max(2, min(count ?? 2, 1 << 20))).map { "LABEL_\($0)" }
    }
    func bad(_ reason: String) -> ArchiveError {
      .badConfiguration(path: path, reason: "'id2label' \(reason)")
    }
    let table = Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    let labels = try (0..<members.count).map { number in
      guard let name = table[String(number)]?.string else {
        throw bad("has no name for the label \(number), but \(members.count) labels")
      }
      return name
    }
    guard labels.count >= 2 else { throw bad("has \(labels.count) labels, and a classifier 2 or more") }
    guard labels.allSatisfy({ !$0.isEmpty && !$0.contains(where: { $0 == "\t" || $0.isNewline }) }) else {
      throw bad("has a label that is empty, or has a tab or a line end")
    }
    guard Set(labels).count == labels.count else { throw bad("has two labels of one name") }
    guard count == nil || count == labels.count else {
      throw bad("has \(labels.count) labels and 'num_labels' is \(count ?? 0)")
    }
    return labels
  }

  /// The kind of problem that the classifier was trained for, if the file states it.
  func problemType() throws -> String? { try optional("problem_type", "text", \.string) }
}
