import ClozeCore
import Testing

@Suite struct StratifiedSampleTests {
  /// One item from each of `count` equal parts, so every part of the whole is there in proportion.
  @Test(arguments: [(1, 1), (1, 1000), (7, 1000), (128, 1178), (999, 1000), (128, 1 << 50)])
  func oneItemAStratum(count: Int, total: Int) {
    let sample = StratifiedSample.draw(count, of: total, seed: 7)
    #expect(sample.count == count)
    #expect(zip(sample, sample.dropFirst()).allSatisfy { $0 < $1 })
    for (stratum, item) in sample.enumerated() {
      let (low, high) = (total / count * stratum, (total / count + 1) * (stratum + 1))
      #expect(item >= low && item < min(high, total))
    }
    #expect(StratifiedSample.draw(count, of: total, seed: 7) == sample)
  }

  @Test func allWhereThereAreNoMore() {
    #expect(StratifiedSample.draw(5, of: 5, seed: 1) == [0, 1, 2, 3, 4])
    #expect(StratifiedSample.draw(9, of: 5, seed: 1) == [0, 1, 2, 3, 4])
    #expect(StratifiedSample.draw(0, of: 5, seed: 1).isEmpty)
    #expect(StratifiedSample.draw(5, of: 0, seed: 1).isEmpty)
  }

  /// Over many seeds each item is drawn as often as another: 10 of 100, so one time in ten.
  @Test func everyItemIsAsLikely() {
    var counts = [Int](repeating: 0, count: 100)
    for seed in 0..<5000 {
      for item in StratifiedSample.draw(10, of: 100, seed: UInt64(seed)) { counts[item] += 1 }
    }
    // 500 expected, standard deviation 21.
    #expect(counts.allSatisfy { (395...605).contains($0) })
  }
}
