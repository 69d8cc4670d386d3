import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import Foundation

/// A system's translations of labelled pairs.
struct TranslatedPairs {
  /// The model folder, or the file of translations.
  let path: String
  /// The compute precision of a model; nil for a file.
  let precision: String?
  /// What decides the translations, in the fields of a signature.
  let origin: String
  let hypotheses: [String]
  /// Distinct translations divided by distinct sources.
  let diversity: Double
  let warnings: [String]
  /// Whether the model gave numbers for all sentences.
  var isFinite = true
}

/// The other system of `--against`: a model folder of `finetune`, or a file of translations. A model may have another
/// tokenizer, since texts are compared.
enum OtherSystem {
  case model(TranslationScoring)
  case file(URL, [String])

  /// - Throws: `OtherSystemError`, and what is wrong with a model or a file.
  init(
    at path: String, _ pairs: TranslationPairs, comparedWith folder: URL,
    precision: ComputeConfiguration.Precision, search: SearchOptions
  ) throws {
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
      self = .file(url, try pairs.translations(in: url))
      return
    }
    let other = try RunFolder.model(at: url) { Console.warning("\($0)") }
    guard other.resolvingSymlinksInPath().path != folder.resolvingSymlinksInPath().path else {
      throw OtherSystemError.sameModel(path: path)
    }
    self = .model(try TranslationScoring(model: other, precision: precision, search: search))
  }

  func translations(of pairs: TranslationPairs, workers: WorkerGroup, isStrict: Bool) throws
    -> TranslatedPairs
  {
    switch self {
    case .model(let scoring): return try scoring.translate(pairs, workers: workers, isStrict: isStrict)
    case .file(let url, let translations):
      let digest = Digest(of: translations.joined(separator: "\n"))
      return TranslatedPairs(
        path: url.path, precision: nil, origin: "translations:\(digest.short)", hypotheses: translations,
        diversity: TranslationEvaluation.diversity(of: translations, pairs: pairs.pairs),
        warnings: [])
    }
  }
}

/// A system that cannot be compared.
enum OtherSystemError: Failure {
  case sameModel(path: String)

  var exitStatus: ExitStatus { .usage }

  var description: String {
    switch self {
    case .sameModel(let path):
      "--against: \(path) is the model that --model names; name another model, or a file of translations"
    }
  }
}
