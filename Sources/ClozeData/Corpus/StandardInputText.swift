/// Standard input as UTF-8, inflated and converted like a file, as it comes: a line that somebody types does not wait for the
/// next.
package final class StandardInputText {
  private var text: OpenedText?

  package init() {}

  /// The next bytes; none at the end.
  /// - Throws: `CorpusError`, `FileError`
  package func next() throws -> [UInt8] {
    if let text { return try text.source.next() }
    let text = try OpenedText(
      FileSource(), encoding: nil, canChoose: false, count: FileContent.bytesToWaitFor)
    try InvalidBytes.refuseOtherEncoding(text)
    self.text = text
    return text.chunk.isEmpty ? try text.source.next() : text.chunk
  }
}
