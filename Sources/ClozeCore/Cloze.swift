/// The system itself.
package enum Cloze {
  /// In signatures and manifests; a change that moves a score or a format moves it.
  package static let version = "0.1"
}
