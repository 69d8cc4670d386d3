import ClozeCompute
import Testing

@Suite struct ArenaTests {
  /// Sizes of the allocations of a micro-batch, in MiB.
  @Test(arguments: [[1, 2, 3], [17, 1, 20], [9, 9, 9, 9], [40]])
  func nothingIsAllocatedAgain(sizes: [Int]) {
    let arena = Arena()
    func use() {
      arena.reset()
      for size in sizes { _ = arena.allocate(bytes: size << 20) }
    }
    use()
    let capacity = arena.capacity
    for _ in 0..<5 {
      use()
      #expect(arena.capacity == capacity)
    }
  }

  /// A run of ever longer micro-batches must not keep a chunk for each length.
  @Test func growsWithTheLongest() {
    let arena = Arena()
    for size in 17...60 {
      arena.reset()
      _ = arena.allocate(bytes: size << 20)
    }
    #expect(arena.capacity <= 4 * 60 << 20)
  }

  @Test(arguments: [1, 63, 64, 65, 1000])
  func placesAreAlignedAndApart(bytes: Int) {
    let arena = Arena()
    let places = (0..<100).map { _ in Int(bitPattern: arena.allocate(bytes: bytes)) }
    #expect(places.allSatisfy { $0 % 64 == 0 })
    #expect(zip(places, places.dropFirst()).allSatisfy { $1 - $0 >= bytes })
  }
}
