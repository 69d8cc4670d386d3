/// A matrix of activations [rows, columns] in a tape's arena, and the gradient of the loss with respect to it.
///
/// A tensor is valid until its tape begins the next micro-batch. It retains the tape's memory and not the tape.
package final class Tensor {
  package let rows: Int
  package let columns: Int
  package let type: ElementType
  package let bytes: UnsafeMutableRawPointer
  /// Same shape and type as the values; nil until a backward pass has written it.
  package internal(set) var gradient: UnsafeMutableRawPointer?
  /// Whether anything is trained on this tensor's gradient.
  var needsGradient = true

  /// The owner of the memory.
  private let owner: AnyObject

  init(rows: Int, columns: Int, type: ElementType, bytes: UnsafeMutableRawPointer, owner: AnyObject) {
    self.owner = owner
    self.rows = rows
    self.columns = columns
    self.type = type
    self.bytes = bytes
  }

  package var count: Int { rows * columns }

  /// A tensor that takes over this one's memory, with a gradient of its own. The values of this one are gone once the other
  /// is written.
  func sharingMemory() -> Tensor {
    Tensor(rows: rows, columns: columns, type: type, bytes: bytes, owner: owner)
  }

  /// A copy of the values in f32; for tests and results, not for hot loops.
  package func values() -> [Float] { Tensor.floats(bytes, count: count, type: type) }

  /// A copy of the gradient in f32; zeros if no backward pass has written it.
  package func gradientValues() -> [Float] {
    gradient.map { Tensor.floats($0, count: count, type: type) } ?? [Float](repeating: 0, count: count)
  }

  var floats: UnsafeMutablePointer<Float> { bytes.assumingMemoryBound(to: Float.self) }
  var halves: UnsafeMutablePointer<UInt16> { bytes.assumingMemoryBound(to: UInt16.self) }

  private static func floats(_ bytes: UnsafeMutableRawPointer, count: Int, type: ElementType) -> [Float] {
    switch type {
    case .float32:
      Array(UnsafeBufferPointer(start: bytes.assumingMemoryBound(to: Float.self), count: count))
    case .bfloat16:
      UnsafeBufferPointer(start: bytes.assumingMemoryBound(to: UInt16.self), count: count)
        .map { Float(bitPattern: UInt32($0) << 16) }
    }
  }
}
