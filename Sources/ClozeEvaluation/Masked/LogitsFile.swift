internal import ClozeCompute
package import ClozeData
internal import ClozeModel
package import ClozeText
package import Foundation

/// A model's logits on a few documents, written to a safetensors file for a comparison with another implementation.
///
/// The tensors have a row for each document, padded with the padding token:
///
///     input_ids  I32  [B, T]     [CLS] tokens [SEP] [PAD]…
///     logits     F32  [B, T, V]  0 at padding, where there is nothing to compare
///
/// A document that is too long is truncated as in `transformers`: the last token is still `[SEP]`.
package struct LogitsFile {
  /// The most documents. At a vocabulary of 8,192, a row of 128 tokens has 4 MB of logits.
  package static let rowLimit = 8

  /// B
  package let rowCount: Int
  /// The documents that are longer than a row.
  package let cutCount: Int
  /// T, tokens of the longest row.
  package let rowLength: Int
  /// V
  package let vocabularySize: Int
  /// [B, T]
  package let inputIDs: [TokenID]
  /// [B, T, V]
  package let logits: [Float]

  /// Computes the logits of each document by itself.
  ///
  /// - Parameters:
  ///   - source: the name of the text, for the error.
  ///   - longestRow: the most tokens of a row, special ones included.
  /// - Throws: `EvaluationError.tooManyRows`
  package init(_ pretrained: PretrainedModel, text: EncodedText, source: String, longestRow: Int) throws {
    guard text.documents.count <= Self.rowLimit else {
      throw EvaluationError.tooManyRows(text: source, rows: text.documents.count, limit: Self.rowLimit)
    }
    let specials = pretrained.tokenizer.vocabulary.specials
    let rows = text.documents.map {
      [specials.classification] + $0.prefix(longestRow - 2) + [specials.separator]
    }
    let model = pretrained.model
    let (length, width) = (rows.map(\.count).max() ?? 0, model.configuration.vocabularySize)
    var inputIDs = [TokenID](repeating: specials.padding, count: rows.count * length)
    var logits = [Float](repeating: 0, count: rows.count * length * width)
    let tape = Tape(store: model.store)
    for (row, ids) in rows.enumerated() {
      tape.begin()
      let values = model.logits(
        tape, EncoderInput(sequences: [ids]), predicted: ids.indices.map { Int32($0) }
      ).values()
      let start = row * length
      inputIDs.replaceSubrange(start..<start + ids.count, with: ids)
      logits.replaceSubrange(start * width..<start * width + values.count, with: values)
    }
    rowCount = rows.count
    cutCount = text.documents.count { $0.count > longestRow - 2 }
    rowLength = length
    vocabularySize = width
    self.inputIDs = inputIDs
    self.logits = logits
  }

  /// Writes the file atomically: whole, or not at all.
  /// - Throws: `FileError`
  package func write(to url: URL) throws {
    try inputIDs.withUnsafeBufferPointer { ids in
      try logits.withUnsafeBufferPointer { logits in
        var writer = TensorFileWriter()
        writer.add("input_ids", shape: [rowCount, rowLength], integers: ids)
        writer.add("logits", shape: [rowCount, rowLength, vocabularySize], floats: logits)
        try writer.write(to: url)
      }
    }
  }
}
