package import ClozeCompute
package import ClozeData
internal import ClozeText

/// Makes synthetic pairs from text in the target language: a translator of the other direction gives each line a source.
///
/// The target of such a pair is a sentence that a person wrote, so a translator that learns from it learns to write, from
/// sources that may be wrong.
///
/// Source: Sennrich, Haddow and Birch 2016, arXiv:1511.06709; sampled sources: Edunov et al. 2018, arXiv:1808.09381.
package struct BackTranslation {
  /// Lines of a part. It is the same for any number of workers, since the rows of a batch follow from it.
  package static let partSize = 512
  /// A model that copies more than this share of its lines is probably of the other direction.
  private static let suspectShare = 0.2

  private let translator: Translator
  private let modelPath: String
  private var filter: PairFilter

  /// - Parameter modelPath: for messages.
  package init(_ translator: Translator, filter: PairFilter, modelPath: String) {
    (self.translator, self.filter, self.modelPath) = (translator, filter, modelPath)
  }

  /// Refuses a translator that reads another script than the text has, and writes that of the text.
  ///
  /// - Parameter metadata: of the translator's weights, which name the scripts of its training pairs; those of other
  ///   folders do not, and nothing is refused.
  /// - Throws: `SyntheticError.forwardModel`
  package static func checkDirection(_ lines: [String], metadata: [String: String], path: String) throws {
    guard let reads = metadata[ScriptMetadata.sources].flatMap(ScriptProfile.init(text:)),
      let writes = metadata[ScriptMetadata.targets].flatMap(ScriptProfile.init(text:))
    else { return }
    let text = ScriptProfile(lines)
    guard let script = text.main, text.overlap(reads) < ScriptProfile.sameOverlap,
      text.overlap(writes) >= ScriptProfile.sameOverlap
    else { return }
    throw SyntheticError.forwardModel(
      path: path, reads: reads.main ?? "nothing", writes: writes.main ?? "nothing", text: script)
  }

  /// Remembers the source of a pair that an earlier call has kept.
  package mutating func insert(source: String) { filter.insert(source: source) }

  /// For each line a pair, or the reason why there is none.
  ///
  /// - Parameter firstNumber: the number of the first line, from 0, from which the draws of sampled sources follow.
  /// - Throws: `SyntheticError.notFinite`
  package mutating func rows(_ lines: [String], firstNumber: Int, tapes: [Tape]) throws
    -> [Result<SyntheticRow, PairFault>]
  {
    let faults = lines.map { filter.fault(line: $0) }
    // An empty line is not translated, and the others keep their numbers.
    let sources = zip(lines, faults).map { $1 == nil ? $0 : "" }
    var damaged: Int?
    let found = try translator.translate(sources, firstNumber: firstNumber, tapes: tapes) { index, problem in
      if case .notFinite = problem { damaged = damaged ?? index }
    }
    if let damaged { throw SyntheticError.notFinite(path: modelPath, line: firstNumber + damaged + 1) }
    return lines.indices.map { index in
      if let fault = faults[index] { return .failure(fault) }
      let translation = found[index][0]
      let pair = TranslationPair(
        source: BackTranslation.column(translation.text), target: BackTranslation.column(lines[index]))
      if let fault = filter.fault(pair, isWhole: translation.isWhole) { return .failure(fault) }
      return .success(SyntheticRow(pair, score: translation.tokenScore))
    }
  }

  /// A tab would begin another column.
  private static func column(_ text: String) -> String {
    text.split { $0 == "\t" || $0 == "\r" || $0 == "\n" || $0 == "\r\n" }.joined(separator: " ")
  }

  /// A warning about a model that seems to be of the other direction; nil if it does not.
  package static func warning(_ counts: SyntheticManifest.Counts, path: String) -> String? {
    let translated = counts.lines - counts[.empty] - counts[.tooLong] - counts[.unknown]
    guard Double(counts[.copy]) > suspectShare * Double(translated) else { return nil }
    return
      "\(path): copies \(counts[.copy]) of \(translated) lines; it may be a translator into the language of the text "
      + "instead of from it, or one that has learnt little"
  }
}

/// The names in the metadata of a translator's weights under which the scripts of its training pairs are.
package enum ScriptMetadata {
  package static let sources = "sourceScripts"
  package static let targets = "targetScripts"
  private static let sampleSize = 10_000

  /// The scripts of at most 10,000 of `pairs`, spread over all of them.
  package static func of(_ pairs: [TranslationPair]) -> [String: String] {
    let stride = max(1, pairs.count / sampleSize)
    let sample = Swift.stride(from: 0, to: pairs.count, by: stride).map { pairs[$0] }
    return [
      sources: ScriptProfile(sample.lazy.map(\.source)).text,
      targets: ScriptProfile(sample.lazy.map(\.target)).text,
    ]
  }
}
