import ClozeCore
import ClozeData
import ClozeText
import Foundation

// Tokenizers, and text in all its forms.

extension FuzzTarget {
  private static let sample = "I love you, 我爱你! Ünïcode [MASK] unlovely\u{301}\u{200D} 🙂"

  private static let sampleTokens =
    SpecialTokens.texts + [
      "i", "love", "you", "我", "爱", "你", ",", "!", "un", "##love", "##ly", "##l", "##y", "l", "é", "e",
    ]

  private static func sampleTokenizer(lowercases: Bool) throws -> Tokenizer {
    Tokenizer(
      vocabulary: try Vocabulary(tokens: sampleTokens),
      normalizer: lowercases ? .uncased : .cased)
  }

  static func tokenizer(_ name: String) throws -> FuzzTarget {
    let folder = try ScratchFolder()
    try sampleTokenizer(lowercases: true).write(to: folder.url)
    let url = folder.url.appendingPathComponent("tokenizer.json")
    let seed = try Data(contentsOf: url)
    try Data(tokenSettings.utf8).write(to: folder.url.appendingPathComponent("tokenizer_config.json"))
    try Tokenizer(folder.url).write(to: folder.url)
    let seeds = [[UInt8](seed), [UInt8](try Data(contentsOf: url))]
    return try file(name, called: "tokenizer.json", seeds: seeds) { url, _ in
      let tokenizer = try Tokenizer(url)
      var encoder = TokenEncoder(tokenizer)
      check(tokenizer, &encoder, Array(sample.utf8))
    }
  }

  private static let tokenSettings = """
    {"tokenizer_class": "BertTokenizer", "do_lower_case": true, "strip_accents": null, "mask_token": "[MASK]",
     "additional_special_tokens": ["<e>", {"content": "one"}],
     "added_tokens_decoder": {"4": {"content": "[MASK]", "special": true},
       "\(sampleTokens.count)": {"content": "AN", "normalized": true, "single_word": true}}}
    """

  /// What stands beside a list of tokens.
  static func tokenizerConfiguration(_ name: String) throws -> FuzzTarget {
    let prepare = { (folder: URL) in
      let lines = sampleTokens.map { $0 + "\n" }.joined()
      try Data(lines.utf8).write(to: folder.appendingPathComponent("vocab.txt"))
    }
    return try file(
      name, called: "tokenizer_config.json", seeds: [Array(tokenSettings.utf8)], prepare: prepare
    ) { _, folder in
      let tokenizer = try Tokenizer(folder)
      var encoder = TokenEncoder(tokenizer)
      check(tokenizer, &encoder, Array((sample + " an AN <e>one").utf8))
    }
  }

  /// Any bytes as text, with and without regard to case.
  static func text(_ name: String) throws -> FuzzTarget {
    let tokenizers = try [true, false].map { try sampleTokenizer(lowercases: $0) }
    // They stay: what an encoder gives for a text must not depend on the texts before it.
    var encoders = tokenizers.map { TokenEncoder($0) }
    let seeds = [sample, "ＦＵＬＬ ﬁ İ ß ẞ\r\n\t\u{0}\u{FFFD}"].map { Array($0.utf8) }
    return FuzzTarget(name, seeds: seeds) { bytes in
      for (number, tokenizer) in tokenizers.enumerated() {
        check(tokenizer, &encoders[number], bytes)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let score = ChrF(wordOrder: 2).score([text], references: [sample]).value
      precondition((0...100.000001).contains(score), "chrF++ of \(score)")
      _ = BLEU().score([text], references: [text])
      precondition(TER().score([text], references: [text]).value == 0, "TER of equal texts")
      _ = TER().score([text], references: [sample])
    }
  }

  /// The laws of an encoder, whatever it is given.
  private static func check(_ tokenizer: Tokenizer, _ encoder: inout TokenEncoder, _ bytes: [UInt8]) {
    func encode() -> (ids: [TokenID], counts: TokenCounts) {
      var ids: [TokenID] = []
      let before = encoder.counts
      bytes.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
      return (ids, encoder.counts - before)
    }
    let (ids, counts) = encode()
    precondition(
      ids.allSatisfy { (0..<tokenizer.vocabulary.count).contains(Int($0)) }, "an id outside the vocabulary")
    precondition(counts.tokens == ids.count, "\(counts) of \(ids.count) tokens")
    precondition(encode() == (ids, counts), "another encoding the second time")
    _ = tokenizer.decode(ids)
  }

  // MARK: A corpus

  static func textFile(_ name: String) throws -> FuzzTarget {
    let seed = Array("\u{FEFF}One document.\nIts second line.\n\n  \nAnother \u{1B}[31mone\r\n\n".utf8)
    return try corpus(name, called: "text.txt", seeds: [seed])
  }

  static func jsonLines(_ name: String) throws -> FuzzTarget {
    let seed = """
      {"text": "One \\u0041 \\ud83d\\ude42", "id": 1}
      {"meta": {"a": [1, 2.5e3, null, true]}, "text": "Another\\n"}

      """
    return try corpus(name, called: "text.jsonl", seeds: [Array(seed.utf8)])
  }

  static func gzip(_ name: String) throws -> FuzzTarget {
    // `printf 'One.\n\nAnother.\n' | gzip -n`
    let seed: [UInt8] = [
      0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xF3, 0xCF, 0x4B, 0xD5, 0xE3, 0xE2, 0x72,
      0xCC,
      0xCB, 0x2F, 0xC9, 0x48, 0x2D, 0xD2, 0xE3, 0x02, 0x00, 0xEF, 0x79, 0x6F, 0xE1, 0x0F, 0x00, 0x00, 0x00,
    ]
    return try corpus(name, called: "text.txt.gz", seeds: [seed])
  }

  static func zstd(_ name: String) throws -> FuzzTarget {
    let seed = try ZstdFrame.compress(Array("One.\n\nAnother.\n".utf8), level: 1)
    return try corpus(name, called: "text.txt.zst", seeds: [seed, seed + seed])
  }

  /// Bytes that may be anything, under a name that says nothing.
  static func content(_ name: String) throws -> FuzzTarget {
    let text = "One 我 é.\r\nTwo.\r\rAnother.\n"
    let marked: [[UInt8]] = [
      [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] },
      [0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] },
      [0, 0, 0xFE, 0xFF]
        + text.unicodeScalars.flatMap { [0, 0, UInt8($0.value >> 8), UInt8($0.value & 255)] },
      [0xEF, 0xBB, 0xBF] + Array("{\"text\": \"a\"}\r{\"text\": \"b\"}\r".utf8),
    ]
    return try corpus(name, called: "content", seeds: marked + [try ZstdFrame.compress(marked[0], level: 1)])
  }

  /// Bytes in an encoding that has states and characters of several bytes.
  static func encoded(_ name: String) throws -> FuzzTarget {
    // `echo '我爱你。One.' | iconv -t GB18030`, and a character of four bytes.
    let seed: [UInt8] =
      [
        0xCE, 0xD2, 0xB0, 0xAE, 0xC4, 0xE3, 0xA1, 0xA3, 0x4F, 0x6E, 0x65, 0x2E, 0x0A, 0x94, 0x39, 0xFC, 0x36,
        0x0A,
      ]
    return try file(name, called: "text.txt", seeds: [seed]) { url, _ in
      for encoding in ["gb18030", "shift_jis", "iso-2022-jp", "utf-7", "utf-16", "koi8-r"] {
        for (isStrict, isLossy) in [(true, false), (false, true)] {
          var format = CorpusFormat()
          (format.encoding, format.isStrict, format.isLossy) = (TextEncoding(encoding), isStrict, isLossy)
          let reader = CorpusReader(try CorpusInputs([url.path]), format: format)
          do {
            while let document = try reader.next() {
              precondition(!isStrict || document.invalidSequences == 0, "invalid bytes")
            }
          } catch let failure as CorpusError where isStrict || encoding != "gb18030" {
            precondition(!"\(failure)".isEmpty, "no message")
          }
        }
      }
    }
  }

  /// All documents of a corpus of one file: as it comes and, of plain text, cut into documents of at most 64 bytes in each
  /// way.
  private static func corpus(_ name: String, called fileName: String, seeds: [[UInt8]]) throws -> FuzzTarget {
    try file(name, called: fileName, seeds: seeds) { url, _ in
      for boundary in url.path.contains(".json") ? [] : DocumentBoundary.allCases {
        var format = CorpusFormat()
        (format.boundary, format.maximumDocumentBytes, format.isLossy) = (boundary, 64, true)
        let reader = CorpusReader(try CorpusInputs([url.path]), format: format)
        while let document = try reader.next() {
          precondition((1...64).contains(document.text.count), "\(document.text.count) bytes")
        }
      }
      var format = CorpusFormat()
      format.isStrict = true
      let reader = CorpusReader(try CorpusInputs([url.path]), format: format)
      while let document = try reader.next() {
        precondition(String(validating: document.text, as: UTF8.self)?.isEmpty == false, "no text")
      }
    }
  }

  /// Labelled rows of both kinds, as a model reads them.
  static func labelledTexts(_ name: String) throws -> FuzzTarget {
    try labelled(name, .classification, seed: "a\tI love you\r\nb\t我爱你\n")
  }

  static func taggedWords(_ name: String) throws -> FuzzTarget {
    try labelled(name, .tagging, seed: "-DOCSTART- O\n\n# text = I\nI\tO\nlovely\tB-X\n\nyou\tO\n")
  }

  private static func labelled(_ name: String, _ kind: LabelKind, seed: String) throws -> FuzzTarget {
    let tokenizer = try sampleTokenizer(lowercases: true)
    return try file(name, called: "rows.txt", seeds: [Array(seed.utf8)]) { url, _ in
      let file = try LabelledFile(kind, url, skipsBadRows: true)
      let encoded = try EncodedFile(file, labels: file.labels, tokenizer: tokenizer, maximumLength: 8)
      precondition(encoded.ranges.count == file.samples.count)
      for (sample, range) in zip(file.samples, encoded.ranges) {
        let labels = encoded.parts[range].reduce(0) { $0 + $1.classified.count }
        precondition(labels == sample.labels.count, "\(labels) labels of \(sample)")
        precondition(encoded.parts[range].allSatisfy { $0.tokens.count <= 8 })
      }
      var findings = RowFindings(of: kind)
      findings.describe(encoded, maximumLength: 8)
      findings.describeLabels(of: file)
    }
  }

  static func pairs(_ name: String) throws -> FuzzTarget {
    let seed = Array("\u{FEFF}我爱你。\tI love you.\n 狗 \t a dog\r\n".utf8)
    return try file(name, called: "pairs.tsv", seeds: [seed]) { url, _ in
      for pair in try TranslationPairs(.table(url)).pairs {
        precondition(!pair.source.isEmpty && !pair.target.isEmpty, "an empty side")
      }
    }
  }

  /// What stands beside a file of synthetic pairs.
  static func syntheticManifest(_ name: String) throws -> FuzzTarget {
    let folder = try ScratchFolder()
    let pairs = folder.url.appendingPathComponent("pairs.tsv")
    let settings = SyntheticManifest.Settings(
      model: Digest(of: "model"), tokenizer: Digest(of: "tokenizer"), precision: "float32", beam: nil,
      sampling: SamplingConfiguration(temperature: 0.9), lengthRatio: 3, limit: 10)
    let file = try SyntheticFile(pairs, settings: settings, resumes: false)
    let pair = TranslationPair(source: "我爱你。", target: "I love you.")
    try file.append([pair.target, "."], [.success(SyntheticRow(pair, score: -0.5)), .failure(.copy)])
    _ = try file.finish()
    let seed = [UInt8](try Data(contentsOf: SyntheticManifest.url(beside: pairs)))
    let row = try Data(contentsOf: pairs)
    return try self.file(
      name, called: "pairs.tsv.json", seeds: [seed],
      prepare: { try row.write(to: $0.appendingPathComponent("pairs.tsv")) },
      read: { _, folder in
        _ = try SyntheticPairs(folder.appendingPathComponent("pairs.tsv"), tokenizer: Digest(of: "tokenizer"))
      })
  }
}
