internal import Foundation

/// Memory for the activations and gradients of one micro-batch: a bump allocator, whose memory is released all at once
/// or back to an earlier mark.
///
/// The first micro-batch grows the arena. After it nothing is requested from the system, until a micro-batch needs more
/// than any before. Chunks come from `mmap` and are returned with `munmap`, since `malloc` would keep more of freed
/// chunks of many megabytes than a batch needs.
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

  /// Bytes mapped from the system.
  package var capacity: Int { chunks.reduce(0) { $0 + $1.count } }

  /// Bytes that are allocated, gaps at the ends of chunks included.
  package var inUse: Int { usedBefore + used }

  /// The largest `inUse` since the last `reset`.
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

  /// A copy of `values` in the arena.
  package func copy<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
    let memory = allocate(Value.self, count: values.count)
    memory.initialize(from: values, count: values.count)
    return UnsafePointer(memory)
  }

  /// A position of the arena, for `release`.
  package struct Mark {
    fileprivate let chunkIndex: Int
    fileprivate let used: Int
    fileprivate let usedBefore: Int
  }

  package var mark: Mark { Mark(chunkIndex: chunkIndex, used: used, usedBefore: usedBefore) }

  /// Releases everything that was allocated since `mark`. Pointers to it are dangling afterwards.
  package func release(to mark: Mark) {
    chunkIndex = mark.chunkIndex
    used = mark.used
    usedBefore = mark.usedBefore
  }

  /// Releases everything. All earlier pointers are dangling afterwards.
  ///
  /// Several chunks become one of their total size. Otherwise each would end in a gap, and all could be too small for a
  /// longer micro-batch.
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
