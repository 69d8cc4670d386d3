package import Foundation

/// What an output folder holds, as far as the names of its files tell.
package enum FolderContent: String, Sendable {
  case data = "a data folder"
  case run = "a run"
  case comparison = "two compared runs"
  case search = "a study of search"
  case labelCurve = "a label curve"
  case model = "a model or a checkpoint"
  case tokenizer = "a tokenizer"

  /// nil for a folder that is not there, or has none of them.
  package init?(_ url: URL) {
    func has(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path)
    }
    if has("trials.jsonl") {
      self = .search
    } else if has("study.json") {
      self = .labelCurve
    } else if has("verdict.json") || has("control/config.yaml") {
      self = .comparison
    } else if has("index.json") {
      self = .data
    } else if has("config.yaml") {
      self = .run
    } else if has("config.json") || has("model.safetensors") || has("checkpoint.json") {
      self = .model
    } else if !has("incoming.partial"), !has("provenance.json"), has("vocab.txt") || has("tokenizer.json") {
      // A data folder whose index is lost, or not yet in place, has one of the former.
      self = .tokenizer
    } else {
      return nil
    }
  }

  /// Refuses a folder that holds something else than `expected`.
  /// - Throws: `FolderContentError`
  package static func check(_ url: URL, for expected: FolderContent) throws {
    guard let content = FolderContent(url), content != expected else { return }
    throw FolderContentError(path: url.path, content: content)
  }
}

/// An output folder that holds something of another kind.
package struct FolderContentError: Failure {
  package let path: String
  package let content: FolderContent

  package var exitStatus: ExitStatus { .usage }
  package var description: String { "\(path): holds \(content.rawValue); choose another --output" }
}
