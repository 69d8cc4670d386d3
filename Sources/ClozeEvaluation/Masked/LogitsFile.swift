internal import ClozeCompute
package import ClozeData
internal import ClozeModel
package import ClozeText
package import Foundation

/// A model's logits on a few documents, in a safetensors file: what another implementation is compared with.
///
/// The tensors, one row a document, rows padded with the padding token:
///
///     input_ids  I32  [B, T]     [CLS] tokens [SEP] [PAD]…
///     logits     F32  [B, T, V]  0 at padding, where there is nothing to compare
///
/// A document longer than the longest row is cut as `transformers` truncates, the `[SEP]` kept.
package struct LogitsFile {
  /// A row of 128 tokens by 8,192 entries is 4 MB; comparisons need no more than a few.
  package static let rowLimit = 8

  /// B
  package let rowCount: Int
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
  ///   - source: the text's name, for the error.
  ///   - longestRow: tokens at most, special ones included.
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
    rowLength = length
    vocabularySize = width
    self.inputIDs = inputIDs
    self.logits = logits
  }

  /// Writes the file whole or not at all.
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
