package import ClozeCore
package import ClozeText

/// A sample as token ids: `[CLS] a [SEP]`, or `[CLS] a [SEP] b [SEP]`.
package struct EncodedSample: Sendable, Equatable, BatchSample {
  /// Special tokens included.
  package var tokens: [TokenID]
  /// The number of tokens of segment 0; the tokens after them are of segment 1.
  package var firstSegmentCount: Int
  /// The positions with a label: 0, or the first token of each word.
  package var classified: [Int32]
  /// The label of each position in `classified`, by number; -1 if the model does not have it, or there is none.
  package var labels: [Int32]

  package init(tokens: [TokenID], firstSegmentCount: Int, classified: [Int32], labels: [Int32]) {
    self.tokens = tokens
    self.firstSegmentCount = firstSegmentCount
    self.classified = classified
    self.labels = labels
  }

  package var lengths: SampleLengths { SampleLengths(first: tokens.count, second: classified.count) }
  package var positionCount: Int { tokens.count }
}

/// Encodes samples for a classifier.
///
/// A text that is too long is truncated as in `transformers` with `longest_first`: of two texts the longer one, then
/// both alike. A sentence that is too long is divided into parts between words, so that every word gets a label; a word
/// that is too long by itself is truncated. A word without tokens is read as `[UNK]`.
package struct LabelEncoder {
  /// One part of a sample, or several of a long sentence.
  package struct Result {
    package fileprivate(set) var parts: [EncodedSample] = []
    /// Whether tokens were left out.
    package fileprivate(set) var isCut = false
    /// Whether a text or a word has no tokens.
    package fileprivate(set) var lacksTokens = false
  }

  private let numbers: [String: Int32]
  private let specials: SpecialTokens
  private let maximumLength: Int
  private var encoder: TokenEncoder

  /// - Parameters:
  ///   - labels: the labels of the model, by number.
  ///   - maximumLength: the most positions, special tokens included; at least 5, so that two texts have a token each.
  package init(labels: [String], tokenizer: Tokenizer, maximumLength: Int) {
    precondition(maximumLength >= 5, "LabelEncoder: maximumLength \(maximumLength)")
    numbers = Dictionary(labels.enumerated().map { ($1, Int32($0)) }) { first, _ in first }
    specials = tokenizer.vocabulary.specials
    self.maximumLength = maximumLength
    encoder = TokenEncoder(tokenizer)
  }

  package mutating func encode(_ sample: LabelledSample, _ kind: LabelKind) -> Result {
    let ids = sample.texts.map { encoder.encode($0) }
    let labels = sample.labels.map { numbers[$0] ?? -1 }
    var result = Result()
    result.lacksTokens = ids.contains(where: \.isEmpty)
    switch kind {
    case .classification: encode(texts: ids, labels, into: &result)
    case .tagging: encode(words: ids, labels, into: &result)
    }
    return result
  }

  private func encode(texts: [[TokenID]], _ labels: [Int32], into result: inout Result) {
    let room = maximumLength - 1 - texts.count
    let lengths = Self.lengths(texts.map(\.count), room: room)
    var sample = EncodedSample(
      tokens: [specials.classification], firstSegmentCount: 0, classified: [0], labels: labels)
    for (index, text) in texts.enumerated() {
      sample.tokens += text.prefix(lengths[index]) + [specials.separator]
      if index == 0 { sample.firstSegmentCount = sample.tokens.count }
    }
    if labels.isEmpty { sample.labels = [-1] }
    result.isCut = lengths != texts.map(\.count)
    result.parts = [sample]
  }

  /// The number of tokens to keep of one text or two.
  ///
  /// Source: `truncate_encodings` of `tokenizers`, LongestFirst.
  private static func lengths(_ counts: [Int], room: Int) -> [Int] {
    guard counts.reduce(0, +) > room else { return counts }
    guard counts.count == 2, let shorter = counts.min() else { return [room] }
    let isSecondShorter = counts[1] < counts[0]
    var (short, long) = (shorter, max(shorter, room - shorter))
    if short + long > room { (short, long) = (room / 2, room / 2 + room % 2) }
    return isSecondShorter ? [long, short] : [short, long]
  }

  private func encode(words: [[TokenID]], _ labels: [Int32], into result: inout Result) {
    let room = maximumLength - 2
    var part = EncodedSample(tokens: [], firstSegmentCount: 0, classified: [], labels: [])
    func end(_ part: inout EncodedSample) {
      part.tokens.append(specials.separator)
      part.firstSegmentCount = part.tokens.count
      result.parts.append(part)
      part = EncodedSample(tokens: [], firstSegmentCount: 0, classified: [], labels: [])
    }
    for (index, word) in words.enumerated() {
      let ids = word.isEmpty ? [specials.unknown] : Array(word.prefix(room))
      if word.count > room { result.isCut = true }
      if !part.tokens.isEmpty, part.tokens.count - 1 + ids.count > room { end(&part) }
      if part.tokens.isEmpty { part.tokens = [specials.classification] }
      part.classified.append(Int32(part.tokens.count))
      part.labels.append(labels.isEmpty ? -1 : labels[index])
      part.tokens += ids
    }
    if !part.tokens.isEmpty { end(&part) }
  }
}

/// Samples one after another, without padding: N tokens, of which M get a label.
package struct LabelBatch: Sendable, Equatable {
  /// `[N]` each.
  package private(set) var tokens: [TokenID] = []
  package private(set) var positions: [Int32] = []
  package private(set) var segments: [Int32] = []
  /// The first position of each sample, and N at the end.
  package private(set) var offsets: [Int] = [0]
  /// The positions with a label: `[M]`, in 0 ..< N.
  package private(set) var classified: [Int32] = []
  /// `[M]`
  package private(set) var labels: [Int32] = []

  package init(_ samples: some Sequence<EncodedSample>) {
    for sample in samples {
      classified += sample.classified.map { $0 + Int32(tokens.count) }
      labels += sample.labels
      segments += sample.tokens.indices.map { $0 < sample.firstSegmentCount ? 0 : 1 }
      positions += 0..<Int32(sample.tokens.count)
      tokens += sample.tokens
      offsets.append(tokens.count)
    }
  }
}
