package import ClozeCore
package import ClozeText

/// Turns windows of raw text into pairs for a denoiser: the encoder reads the corrupted text of a document's part, and the
/// decoder writes the text.
///
/// The tokens of a window are masked first, by the same strategies as for a masked-language model. Then, in each part by
/// itself: tokens are deleted, runs of masked tokens become one, words are shuffled, sentences permuted. A window's border
/// may cut a part inside a sentence. Such a rest is left out, since it would teach the decoder to stop there, unless it is
/// all that the part has.
///
/// Source: Lewis et al. 2020, "BART", section 2.2, arXiv:1910.13461.
package struct Corruption: Sendable {
  private let configuration: CorruptionConfiguration
  private let masking: Masking
  private let vocabulary: Vocabulary

  /// - Throws: `ConfigurationError`
  package init(
    _ configuration: CorruptionConfiguration, masking: MaskingConfiguration, vocabulary: Vocabulary
  ) throws {
    try configuration.validate()
    self.configuration = configuration
    self.masking = try Masking(masking, vocabulary: vocabulary)
    self.vocabulary = vocabulary
  }

  /// One pair for each part of a document in the window that has ordinary tokens: a function of the window and the random
  /// streams alone.
  ///
  /// - Parameters:
  ///   - masks: draws the masks, as for a masked-language model.
  ///   - changes: draws everything else.
  package func pairs(_ window: TokenWindow, masks: CounterRandom, changes: CounterRandom) -> [EncodedPair] {
    let masked = masking.mask(window, random: masks)
    var random = changes
    var isMasked = [Bool](repeating: false, count: window.tokens.count)
    for (position, outcome) in zip(masked.positions, masked.outcomes) where outcome == .masked {
      isMasked[position] = true
    }
    let ends = window.documentStarts.dropFirst() + [window.tokens.count]
    return zip(window.documentStarts, ends).compactMap { start, end in
      guard let text = textRange(window, start..<end) else { return nil }
      let source = corrupted(
        Array(masked.inputIDs[text]), isMasked: Array(isMasked[text]), original: Array(window.tokens[text]),
        random: &random)
      return EncodedPair(source: source, target: Array(window.tokens[text]))
    }
  }

  /// The tokens of a part without its special tokens at both ends and without the rest of a sentence that the window's border
  /// cuts; nil if there are none.
  private func textRange(_ window: TokenWindow, _ part: Range<Int>) -> Range<Int>? {
    let specials = vocabulary.specials
    var (first, last) = (part.lowerBound, part.upperBound)
    if first < last, window.tokens[first] == specials.classification { first += 1 }
    if first < last, window.tokens[last - 1] == specials.separator {
      last -= 1
    } else if let end = window.tokens[first..<last].lastIndex(where: { vocabulary.isSentenceEnd[Int($0)] }) {
      last = end + 1
    }
    let range = first..<last
    return window.tokens[range].contains { !vocabulary.isSpecial[Int($0)] } ? range : nil
  }

  /// - Parameters:
  ///   - tokens: the masked tokens of a part.
  ///   - original: its true tokens.
  private func corrupted(
    _ tokens: [TokenID], isMasked: [Bool], original: [TokenID], random: inout CounterRandom
  ) -> [TokenID] {
    var units = vocabulary.words(original)
    if configuration.permutesSentences { permuteSentences(&units, original, &random) }
    units = random.shuffled(units, distance: configuration.shuffleDistance)
    var result: [TokenID] = []
    var endsMasked = false
    for position in units.joined() {
      if isMasked[position] {
        if !(configuration.infills && endsMasked) { result.append(tokens[position]) }
        endsMasked = true
      } else if configuration.deletionRate == 0 || random.uniform() >= configuration.deletionRate {
        result.append(tokens[position])
        endsMasked = false
      }
    }
    // The encoder needs a token to read.
    return result.isEmpty ? [vocabulary.specials.mask] : result
  }

  private func permuteSentences(
    _ words: inout [Range<Int>], _ tokens: [TokenID], _ random: inout CounterRandom
  ) {
    var sentences: [[Range<Int>]] = []
    var isEnded = true
    for word in words {
      let ends = vocabulary.isSentenceEnd[Int(tokens[word.lowerBound])]
      // Several marks in a row end one sentence, as in `WindowText.sentences`.
      if sentences.isEmpty || isEnded && !ends { sentences.append([]) }
      sentences[sentences.count - 1].append(word)
      isEnded = ends
    }
    random.shuffle(&sentences)
    words = sentences.flatMap { $0 }
  }
}

/// Makes pairs for a denoiser from sample numbers. A sample is a function of the data, the seed and its number alone, so it is
/// the same in any batch, on any thread and after any interruption.
package struct CorruptedPairSource: Sendable {
  package let windows: PackedWindows
  private let corruption: Corruption
  private let seed: UInt64

  package init(windows: PackedWindows, corruption: Corruption, seed: UInt64) {
    self.windows = windows
    self.corruption = corruption
    self.seed = seed
  }

  /// The pairs of samples of a run, for training. Every epoch has another corruption.
  /// - Throws: `ShardError`, `FileError`
  package func pairs(samples: Range<Int>) throws -> [EncodedPair] {
    try samples.flatMap { sample in
      let place = windows.place(ofSample: sample)
      return corruption.pairs(
        try windows.window(at: place),
        masks: CounterRandom(seed: seed, purpose: .masking, epoch: place.epoch, index: sample),
        changes: CounterRandom(seed: seed, purpose: .corruption, epoch: place.epoch, index: sample))
    }
  }

  /// The pairs of the windows with these numbers, in the order of the text, always corrupted alike.
  /// - Throws: `ShardError`, `FileError`
  package func evaluationPairs(windows numbers: some Sequence<Int>) throws -> [EncodedPair] {
    try numbers.flatMap { number in
      corruption.pairs(
        try windows.evaluationWindow(number),
        masks: CounterRandom(seed: seed, purpose: .evaluationMasking, index: number),
        changes: CounterRandom(seed: seed, purpose: .corruption, index: number))
    }
  }
}
