internal import CKernels
internal import Foundation

extension Tape {
  /// Rotary positions: turns the heads of queries and keys by angles that grow with the row's position, so that their
  /// products depend on the distance between the rows. In place, and returns `input`, whose first reader it must be.
  ///
  ///     (a, b) <- (a cos φ - b sin φ, b cos φ + a sin φ),  φ = position · base^(-2i / W)
  ///
  /// for the elements a = i and b = i + W / 2 of each head, W being its width. Backward turns the gradient back.
  ///
  /// - Parameters:
  ///   - input: [N, columns]; its first `headCount` · `headWidth` columns are turned.
  ///   - positions: [N]
  ///
  /// Source: Su et al. 2021, section 3.2 (RoFormer), arXiv:2104.09864; the pairs are those of GPT-NeoX and `transformers`.
  package func rotary(
    _ input: Tensor, headCount: Int, headWidth: Int, positions: [Int32], base: Double
  ) -> Tensor {
    precondition(
      positions.count == input.rows && headWidth % 2 == 0 && headCount * headWidth <= input.columns
        && positions.allSatisfy { $0 >= 0 },
      "rotary: \(headCount) heads of \(headWidth) in [\(input.rows), \(input.columns)], \(positions.count) positions"
    )
    let places = arena.copy(positions)
    let positionCount = Int(positions.max() ?? 0) + 1
    let turn = { [unowned self] (bytes: UnsafeMutableRawPointer, direction: Float) in
      let table = rotaryTables.table(headWidth: headWidth, base: base, positionCount: positionCount)
      switch input.type {
      case .float32:
        cloze_rotary_f32(
          input.rows, headCount, headWidth, input.columns, places, table, direction,
          bytes.assumingMemoryBound(to: Float.self))
      case .bfloat16:
        cloze_rotary_bf16(
          input.rows, headCount, headWidth, input.columns, places, table, direction,
          bytes.assumingMemoryBound(to: UInt16.self))
      }
    }
    turn(input.bytes, 1)
    record("rotary", nil) {
      if let gradient = input.gradient { turn(gradient, -1) }
    }
    return input
  }
}

/// The cosines and sines of rotary positions, computed at their first use.
final class RotaryTables {
  private struct Key: Hashable {
    let headWidth: Int
    let base: Double
  }

  private var tables: [Key: UnsafeMutableBufferPointer<Float>] = [:]

  deinit {
    for table in tables.values { table.deallocate() }
  }

  /// For each position `headWidth` / 2 cosines, then as many sines; valid until a call with more positions.
  func table(headWidth: Int, base: Double, positionCount: Int) -> UnsafePointer<Float> {
    let key = Key(headWidth: headWidth, base: base)
    if let table = tables[key], table.count >= positionCount * headWidth {
      return UnsafePointer(table.baseAddress.unsafelyUnwrapped)
    }
    tables[key]?.deallocate()
    // A power of two, so that a run with longer and longer sequences computes few tables.
    var count = 64
    while count < positionCount { count *= 2 }
    let table = RotaryTables.fill(headWidth: headWidth, base: base, positionCount: count)
    tables[key] = table
    return UnsafePointer(table.baseAddress.unsafelyUnwrapped)
  }

  private static func fill(
    headWidth: Int, base: Double, positionCount: Int
  ) -> UnsafeMutableBufferPointer<Float> {
    let table = UnsafeMutableBufferPointer<Float>.allocate(capacity: positionCount * headWidth)
    let half = headWidth / 2
    for i in 0..<half {
      // Rounded as in `transformers`, whose angles are products in f32.
      let frequency = 1 / Float(pow(base, Double(2 * i) / Double(headWidth)))
      for position in 0..<positionCount {
        let angle = Double(Float(position) * frequency)
        table.initializeElement(at: position * headWidth + i, to: Float(cos(angle)))
        table.initializeElement(at: position * headWidth + half + i, to: Float(sin(angle)))
      }
    }
    return table
  }
}
