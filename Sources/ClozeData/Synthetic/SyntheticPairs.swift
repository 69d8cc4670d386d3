package import ClozeCore
package import Foundation

/// A pair that a model made, with where it came from. One line of a file of synthetic pairs:
/// `source<TAB>target<TAB>origin<TAB>score<TAB>model`.
package struct SyntheticRow: Sendable, Equatable {
  package var pair: TranslationPair
  /// The mean logarithmic probability of a token of the side that the model made, in nats; from a discriminator the
  /// probability of `real`.
  package var score: Double

  package init(_ pair: TranslationPair, score: Double) { (self.pair, self.score) = (pair, score) }

  package func line(_ manifest: SyntheticManifest.Settings) -> String {
    let fields = [
      pair.source, pair.target, manifest.origin, Figure.decimal(score, 4), manifest.model.short,
    ]
    return fields.joined(separator: "\t") + "\n"
  }
}

/// `FILE.json`, beside a file of synthetic pairs: what made it, from what, and what was left out.
package struct SyntheticManifest: Codable, Sendable, Equatable {
  /// What decides the bytes of the file, beside the text.
  package struct Settings: Codable, Sendable, Equatable {
    /// How the pairs were made: `back-translation`, or `discriminated back-translation`.
    package var origin = "back-translation"
    /// Of the weights of the model that made the pairs.
    package var model: Digest
    package var tokenizer: Digest
    /// `float32` or `bfloat16`.
    package var precision: String
    /// Hypotheses of the search; nil if translations were drawn.
    package var beam: Int?
    package var sampling: SamplingConfiguration?
    /// The most tokens of the longer side for each token of the shorter one.
    package var lengthRatio: Double
    /// The most lines of text; nil for all.
    package var limit: Int?
    /// What chose the pairs among those of another file; nil if nothing did.
    package var discriminator: DiscriminatorSettings?

    package init(
      model: Digest, tokenizer: Digest, precision: String, beam: Int?, sampling: SamplingConfiguration?,
      lengthRatio: Double, limit: Int?
    ) {
      (self.model, self.tokenizer, self.precision) = (model, tokenizer, precision)
      (self.beam, self.sampling, self.lengthRatio, self.limit) = (beam, sampling, lengthRatio, limit)
    }
  }

  /// A classifier of pairs, which told synthetic pairs from real ones.
  package struct DiscriminatorSettings: Codable, Sendable, Equatable {
    /// Of the file of synthetic pairs.
    package var file: Digest
    /// Of the real pairs.
    package var pairs: Digest
    /// Of the weights that the classifiers started from.
    package var start: Digest
    /// Of all settings that decide their bits.
    package var settings: Digest
    /// How many classifiers there were, each for the pairs that it had not seen.
    package var folds: Int
    /// Divides the pairs into folds, see `PairFolds`; nil in files of earlier versions.
    package var seed: Int?
    /// The share of the pairs that was kept.
    package var keep: Double

    package init(
      file: Digest, pairs: Digest, start: Digest, settings: Digest, folds: PairFolds, keep: Double
    ) {
      (self.file, self.pairs, self.start, self.settings) = (file, pairs, start, settings)
      (self.folds, self.seed, self.keep) = (folds.count, folds.seed, keep)
    }
  }

  package struct Counts: Codable, Sendable, Equatable {
    /// Lines of the text.
    package var lines = 0
    /// Pairs in the file.
    package var pairs = 0
    /// The sum of their scores.
    package var scores = 0.0
    /// Lines without a pair, by the name of a `PairFault`.
    package var leftOut: [String: Int] = [:]

    package init() {}

    package subscript(fault: PairFault) -> Int { leftOut[fault.rawValue] ?? 0 }
  }

  package static let currentVersion = 1

  package var version = SyntheticManifest.currentVersion
  package var settings: Settings
  package var counts: Counts
  /// Of the lines of the text, each with a line end.
  package var text: Digest
  /// Of the file of pairs.
  package var file: AppendedFile.Mark

  package init(settings: Settings, counts: Counts, text: Digest, file: AppendedFile.Mark) {
    (self.settings, self.counts, self.text, self.file) = (settings, counts, text, file)
  }

  package static func url(beside pairs: URL) -> URL { URL(fileURLWithPath: pairs.path + ".json") }

  /// - Throws: `SyntheticError.noManifest`, `.badManifest`
  package static func read(beside pairs: URL) throws -> SyntheticManifest {
    let url = url(beside: pairs)
    guard let data = try? Data(file: url) else { throw SyntheticError.noManifest(path: pairs.path) }
    guard let manifest = try? JSONValue.decode(SyntheticManifest.self, from: data),
      manifest.version == currentVersion
    else { throw SyntheticError.badManifest(path: url.path) }
    return manifest
  }
}

/// Pairs that a model made, read for training.
package struct SyntheticPairs: Sendable {
  package let rows: [SyntheticRow]
  package let manifest: SyntheticManifest

  /// Reads a file of synthetic pairs and checks that it is what its manifest says.
  /// - Parameter tokenizer: the one of the model to train; nil if none is trained.
  /// - Throws: `SyntheticError`, `FileError`
  package init(_ url: URL, tokenizer: Digest?) throws {
    guard FileManager.default.fileExists(atPath: url.path) else { throw FileError.missing(path: url.path) }
    manifest = try SyntheticManifest.read(beside: url)
    if let tokenizer, manifest.settings.tokenizer != tokenizer {
      throw SyntheticError.otherTokenizer(
        path: url.path, expected: tokenizer, found: manifest.settings.tokenizer)
    }
    let data = try Data(file: url)
    guard Digest(of: data) == manifest.file.digest else { throw SyntheticError.changed(path: url.path) }
    rows = try String(decoding: data, as: UTF8.self).split(separator: "\n").enumerated().map {
      index, line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 5, let score = Double(fields[3]) else {
        throw SyntheticError.badRow(path: url.path, line: index + 1)
      }
      return SyntheticRow(
        TranslationPair(source: String(fields[0]), target: String(fields[1])), score: score)
    }
    guard !rows.isEmpty else { throw SyntheticError.noPairs(path: url.path) }
  }

  package var pairs: [TranslationPair] { rows.map(\.pair) }
}

/// A file of synthetic pairs that cannot be written or used.
package enum SyntheticError: Failure {
  case exists(path: String)
  case unfinished(path: String)
  case otherSettings(path: String)
  case otherText(path: String, lines: Int)
  case inUse(path: String, process: Int?)
  case forwardModel(path: String, reads: String, writes: String, text: String)
  case notFinite(path: String, line: Int)
  case noManifest(path: String)
  case badManifest(path: String)
  case otherTokenizer(path: String, expected: Digest, found: Digest)
  case changed(path: String)
  case badRow(path: String, line: Int)
  case noPairs(path: String)
  case tooFewToTellApart(path: String, real: Int, synthetic: Int, folds: Int)

  package var exitStatus: ExitStatus {
    switch self {
    case .exists, .unfinished, .otherSettings: .usage
    case .inUse: .inputOutput
    default: .data
    }
  }

  package var description: String {
    switch self {
    case .exists(let path): "\(path): is there already; choose another --output, or remove it"
    case .unfinished(let path):
      "\(path): an earlier call began it; add --resume to continue, or remove \(path).partial"
    case .otherSettings(let path):
      "\(path): was begun with another model or other settings; call with those, or choose another --output"
    case .otherText(let path, let lines):
      "\(path): was begun with another text, whose first \(Figure.count(lines)) lines differ from these; give the same "
        + "text, or choose another --output"
    case .inUse(let path, let process):
      "\(path): \(process.map { "process \($0)" } ?? "another process") writes it; let it end, or choose another --output"
    case .forwardModel(let path, let reads, let writes, let text):
      "\(path): translates from \(reads) into \(writes), and the text is \(text); give the translator of the other "
        + "direction, or text in \(reads)"
    case .notFinite(let path, let line):
      "\(path): gives numbers that are not finite for line \(Figure.count(line)), its weights are damaged; use another "
        + "checkpoint"
    case .noManifest(let path):
      "\(path): has no \(URL(fileURLWithPath: path).lastPathComponent).json beside it, which says what made its pairs; "
        + "make the file with augment, or give pairs that people made with --train"
    case .badManifest(let path): "\(path): is not what augment writes; make the pairs again"
    case .otherTokenizer(let path, let expected, let found):
      "\(path): its pairs were made with tokenizer \(found.short), and the model to train has \(expected.short); make "
        + "them with a translator that has the same tokenizer"
    case .changed(let path):
      "\(path): is not as augment wrote it, its digest differs; make the pairs again"
    case .badRow(let path, let line):
      "\(path):\(line): has not five columns; make the pairs again with augment"
    case .noPairs(let path): "\(path): holds no pairs; give augment more text"
    case .tooFewToTellApart(let path, let real, let synthetic, let folds):
      "\(path): \(Figure.count(synthetic)) synthetic and \(Figure.count(real)) real pairs are too few for \(folds) folds; "
        + (folds > 2 ? "give more pairs, or fewer --folds" : "give more pairs")
    }
  }
}
