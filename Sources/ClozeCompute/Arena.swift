internal import Foundation

/// Memory for one micro-batch's activations and their gradients: handed out by moving a mark, taken back all at once, or
/// back to an earlier mark.
///
/// The first micro-batch finds out how much is needed; from then on nothing is allocated, until a micro-batch needs more
/// than any before it. Memory comes from the system page by page, as it is first written, and goes back to it whole: what
/// `malloc` would keep of freed chunks of many megabytes is more than a batch needs.
package final class Arena {
  private var chunks: [UnsafeMutableRawBufferPointer] = []
  private var chunkIndex = 0
  private var used = 0
  /// Bytes of the chunks before the current one.
  private var usedBefore = 0

  /// Cache lines and 512-bit vectors.
  private static let alignment = 64
  private static let chunkBytes = 16 << 20

  package init() {}

  deinit {
    for chunk in chunks { Arena.unmap(chunk) }
  }

  private static func map(bytes: Int) -> UnsafeMutableRawBufferPointer {
    let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(start != MAP_FAILED, "Arena: the system gives no \(bytes) bytes (errno \(errno))")
    return UnsafeMutableRawBufferPointer(start: start, count: bytes)
  }

  private static func unmap(_ chunk: UnsafeMutableRawBufferPointer) {
    munmap(chunk.baseAddress, chunk.count)
  }

  /// Bytes held from the system.
  package var capacity: Int { chunks.reduce(0) { $0 + $1.count } }

  /// Bytes handed out and not taken back, with the gaps at chunks' ends.
  package var inUse: Int { usedBefore + used }

  /// The most that was in use at once since the last `reset`.
  package private(set) var peak = 0

  /// `bytes` bytes of unspecified content, valid until the next `reset`, or `release` to a mark before them.
  package func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    let size = (bytes + Arena.alignment - 1) / Arena.alignment * Arena.alignment
    defer { peak = max(peak, inUse) }
    while chunkIndex < chunks.count {
      if used + size <= chunks[chunkIndex].count, let base = chunks[chunkIndex].baseAddress {
        defer { used += size }
        return base + used
      }
      usedBefore += chunks[chunkIndex].count
      chunkIndex += 1
      used = 0
    }
    let chunk = Arena.map(bytes: max(size, Arena.chunkBytes))
    chunks.append(chunk)
    used = size
    guard let base = chunk.baseAddress else { preconditionFailure("Arena: an empty chunk") }
    return base
  }

  /// `count` values of a plain type, of unspecified content.
  package func allocate<Value: BitwiseCopyable>(_ type: Value.Type, count: Int) -> UnsafeMutablePointer<Value>
  {
    allocate(bytes: max(count, 1) * MemoryLayout<Value>.stride).bindMemory(to: type, capacity: max(count, 1))
  }

  /// A copy of `values` that lives as long as the micro-batch.
  package func copy<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
    let memory = allocate(Value.self, count: values.count)
    memory.initialize(from: values, count: values.count)
    return UnsafePointer(memory)
  }

  /// A place to come back to with `release`.
  package struct Mark {
    fileprivate let chunkIndex: Int
    fileprivate let used: Int
    fileprivate let usedBefore: Int
  }

  package var mark: Mark { Mark(chunkIndex: chunkIndex, used: used, usedBefore: usedBefore) }

  /// Takes back what was handed out since `mark`. Pointers to it are dangling from here on.
  package func release(to mark: Mark) {
    chunkIndex = mark.chunkIndex
    used = mark.used
    usedBefore = mark.usedBefore
  }

  /// Takes everything back. Pointers handed out before are dangling from here on.
  ///
  /// Several chunks become one of their joint size: else each would end in a gap, and a longer micro-batch would find all
  /// of them too short.
  package func reset() {
    if chunks.count > 1 {
      let total = capacity
      for chunk in chunks { Arena.unmap(chunk) }
      chunks = [Arena.map(bytes: total)]
    }
    chunkIndex = 0
    used = 0
    usedBefore = 0
    peak = 0
  }
}
