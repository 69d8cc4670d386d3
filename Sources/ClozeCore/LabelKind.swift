/// What a classifier labels.
package enum LabelKind: String, Sendable, Codable, CaseIterable {
  /// Whole texts, or pairs of texts.
  case classification
  /// The words of a sentence.
  case tagging
}
