package import ClozeText

/// The windows of a text that is not in shards, divided like a split for evaluation in `PackedWindows`.
///
/// Each document becomes `[CLS] tokens [SEP]`, all documents one after another are the stream, and window w is its T
/// positions from w T. The last window is the rest of the stream. It may be shorter and is kept, so that a text of one
/// sentence can be scored, and every token of a text can be selected.
package struct TextWindows: Sendable {
  /// T, positions.
  package let windowLength: Int
  private let stream: [TokenID]
  /// The position of each document's `[CLS]` in the stream: ascending.
  private let documentStarts: [Int]

  package init(_ text: EncodedText, windowLength: Int, specials: SpecialTokens) {
    precondition(windowLength > 0, "TextWindows: windows of \(windowLength) positions")
    self.windowLength = windowLength
    var stream: [TokenID] = []
    var documentStarts: [Int] = []
    for document in text.documents {
      documentStarts.append(stream.count)
      stream.append(specials.classification)
      stream += document
      stream.append(specials.separator)
    }
    self.stream = stream
    self.documentStarts = documentStarts
  }

  package var windowCount: Int { (stream.count + windowLength - 1) / windowLength }

  /// Window `number`. A document that a border cuts continues in the next window, without a `[CLS]` of its own.
  package func window(_ number: Int) -> TokenWindow {
    precondition(number >= 0 && number < windowCount, "TextWindows: window \(number) of \(windowCount)")
    let range = number * windowLength..<min((number + 1) * windowLength, stream.count)
    var starts = [0]
    let first = documentStarts.isEmpty ? 0 : documentStarts.lastIndex(notAfter: range.lowerBound) + 1
    for start in documentStarts[first...] {
      guard start < range.upperBound else { break }
      starts.append(start - range.lowerBound)
    }
    return TokenWindow(tokens: Array(stream[range]), documentStarts: starts)
  }

  /// The windows with these numbers, under frozen masks.
  package func evaluationBatch(windows numbers: some Sequence<Int>, masking: Masking, seed: UInt64)
    -> MaskedBatch
  {
    var batch = MaskedBatch(windowLength: windowLength)
    for number in numbers {
      let window = window(number)
      batch.append(
        masking.frozenMask(window, number: number, seed: seed), documentStarts: window.documentStarts)
    }
    return batch
  }
}
