/// Standard input as UTF-8, inflated and converted like a file, as it comes: a line that somebody types does not wait for the
/// next.
package final class StandardInputText {
  private var text: OpenedText?
  private var isBegun = false

  package init() {}

  /// The next bytes; none at the end.
  /// - Throws: `CorpusError`, `FileError`
  package func next() throws -> [UInt8] {
    if let text {
      if isBegun { return try text.source.next() }
    } else {
      text = try OpenedText(
        FileSource(), encoding: nil, canChoose: false, count: FileContent.bytesToWaitFor)
    }
    isBegun = true
    guard let text, !text.chunk.isEmpty else { return try text?.source.next() ?? [] }
    return text.chunk
  }
}
