/// The system itself.
package enum Cloze {
  /// The version in signatures and manifests. It changes when a score or a format changes.
  package static let version = "0.1"
}
