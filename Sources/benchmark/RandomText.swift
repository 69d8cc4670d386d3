import ClozeCore
import ClozeData
import ClozeText
import Foundation

/// Generates shards. The time of training does not depend on what the tokens mean, so a benchmark needs no corpus.
enum RandomText {
  static func vocabulary(count: Int) throws -> Vocabulary {
    try Vocabulary(tokens: SpecialTokens.texts + (SpecialTokens.texts.count..<count).map { "word\($0)" })
  }

  /// A million tokens in documents of about 500, frequencies falling as 1 / rank (Zipf 1935).
  static func dataset(vocabularySize: Int, folder: URL) throws -> TokenDataset {
    let data = folder.appendingPathComponent("shards-\(vocabularySize)")
    if !FileManager.default.fileExists(atPath: data.path) {
      let writer = try DatasetWriter(
        folder: data,
        source: .init(
          tokenizer: Digest(of: "benchmark"), vocabularySize: vocabularySize, seed: 1, validationRate: 0),
        pool: WorkerPool(workerCount: 1))
      var random = CounterRandom(seed: 1, purpose: .order)
      let ordinary = Double(vocabularySize - SpecialTokens.texts.count)
      for _ in 0..<2000 {
        let document = (0..<500).map { _ in
          TokenID(SpecialTokens.texts.count + Int(pow(ordinary, random.uniform())) - 1)
        }
        try writer.append(
          document[...], to: .train, counts: TokenCounts(words: document.count), bytes: 4 * document.count)
      }
      _ = try writer.finish(corpus: Digest(of: "benchmark"))
    }
    return try TokenDataset(folder: data, split: .train)
  }
}
