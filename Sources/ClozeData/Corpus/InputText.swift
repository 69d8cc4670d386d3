package import Foundation

/// Standard input or a file as UTF-8, inflated and converted. Bytes are returned as they arrive, so a typed line does
/// not wait for the next.
package final class InputText {
  private let file: URL?
  private var text: OpenedText?

  /// - Parameter file: nil for standard input.
  package init(_ file: URL? = nil) { self.file = file }

  /// The next bytes; empty at the end.
  /// - Throws: `CorpusError`, `FileError`
  package func next() throws -> [UInt8] {
    if let text { return try text.source.next() }
    let text: OpenedText
    if let file {
      text = try CorpusInputs.File(plain: file).open(encoding: nil)
    } else {
      text = try OpenedText(
        FileSource(), encoding: nil, canChoose: false, count: FileContent.bytesToWaitFor)
      try InvalidBytes.refuseOtherEncoding(text)
    }
    self.text = text
    return text.chunk.isEmpty ? try text.source.next() : text.chunk
  }
}
