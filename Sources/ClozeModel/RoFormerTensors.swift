internal import Foundation

/// What RoFormer's tensors in `transformers` have otherwise than those of `ArchiveEntry`.
///
/// Rotary positions turn pairs of elements of a query or key. Here element e of a head is paired with e + half of its width, as in
/// ModernBERT; in RoFormer 2i is paired with 2i + 1. So the rows of its query and key matrices have another order, and the scores are
/// the same.
///
/// Source: Su et al. 2021, "RoFormer", section 3.2, arXiv:2104.09864; `modeling_roformer.py` of `transformers`.
struct RoFormerTensors {
  /// Even.
  let headWidth: Int

  /// Whether positions turn what the tensor `name` of `ArchiveEntry` gives: queries and keys of self-attention.
  static func isRotated(_ name: String) -> Bool {
    !name.contains("crossattention.")
      && ["attention.self.query.", "attention.self.key."].contains { name.contains($0) }
  }

  /// From the order here to RoFormer's.
  func interleave(_ values: UnsafeMutableBufferPointer<Float>, rows: Int) {
    reorder(values, rows: rows) { $0 % 2 * (headWidth / 2) + $0 / 2 }
  }

  /// From RoFormer's order to the one here.
  func separate(_ values: UnsafeMutableBufferPointer<Float>, rows: Int) {
    reorder(values, rows: rows) { $0 % (headWidth / 2) * 2 + $0 / (headWidth / 2) }
  }

  /// - Parameter source: the row within a head whose values come to a row.
  private func reorder(
    _ values: UnsafeMutableBufferPointer<Float>, rows: Int, source: (_ row: Int) -> Int
  ) {
    let before = Array(values)
    let width = values.count / rows
    for row in 0..<rows {
      let first = (row / headWidth * headWidth + source(row % headWidth)) * width
      for column in 0..<width { values[row * width + column] = before[first + column] }
    }
  }

  // MARK: Positions

  /// The end of the name of the table of sines and cosines, which can be computed.
  static let positions = "encoder.embed_positions.weight"

  /// Calls `body` with the tables of positions that a folder of RoFormer has besides the parameters, one for each of `prefixes`.
  static func withPositions(
    _ configuration: EncoderConfiguration, as architecture: Architecture, _ prefixes: [String],
    _ body: ([ArchivedTensor]) throws -> Void
  ) rethrows {
    guard architecture == .roFormer else { return try body([]) }
    let (rows, width) = (configuration.positionCount, configuration.headWidth)
    var table = [Float](repeating: 0, count: rows * width)
    for row in 0..<rows {
      for pair in 0..<width / 2 {
        let angle = Double(row) / pow(EncoderConfiguration.roFormerBase, Double(2 * pair) / Double(width))
        table[row * width + pair] = Float(sin(angle))
        table[row * width + width / 2 + pair] = Float(cos(angle))
      }
    }
    try table.withUnsafeBufferPointer { table in
      try body(prefixes.map { ($0 + positions, [rows, width], table) })
    }
  }
}
