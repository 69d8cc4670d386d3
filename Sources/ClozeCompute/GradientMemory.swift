/// The memory of a tape, which its tensors keep.
final class TapeMemory {
  let arena = Arena()
  let gradients = GradientMemory()
}

/// Memory for the gradients of one micro-batch's activations. A gradient is short-lived: it exists from the backward pass of
/// its tensor's last reader to that of the operation that made it. Memory that is released is used again for gradients of the
/// same size, of which every layer of a network has the same ones.
final class GradientMemory {
  private let arena = Arena()
  /// By bytes, the memory that was released.
  private var released: [Int: [UnsafeMutableRawPointer]] = [:]

  /// `bytes` bytes of unspecified content, valid until they are released, or until `reset`.
  func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    released[bytes]?.popLast() ?? arena.allocate(bytes: bytes)
  }

  /// Releases memory of `allocate`, which was asked for as many bytes.
  func release(_ memory: UnsafeMutableRawPointer, bytes: Int) { released[bytes, default: []].append(memory) }

  /// Releases everything.
  func reset() {
    released.removeAll(keepingCapacity: true)
    arena.reset()
  }

  /// See `Arena.peak`.
  var peak: Int { arena.peak }

  /// See `Arena.capacity`.
  var capacity: Int { arena.capacity }
}
