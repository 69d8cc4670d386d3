package import Foundation

/// The reference values in `Tests/Fixtures`, found beside this source file so that no resource bundle is needed.
package enum Fixtures {
  /// The place of a fixture, such as `tokenizer-cased/cases.json`.
  package static func url(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(name)
  }
}
