import ClozeCore
import Testing

@Suite struct CounterRandomTests {
  /// The known answers that Random123 ships for philox4x32-10.
  @Test(
    arguments: [
      (
        [0, 0, 0, 0], [0, 0], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
      ),
      (
        [0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], [0xFFFF_FFFF, 0xFFFF_FFFF],
        [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
      ),
      (
        [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0],
        [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
      ),
    ] as [([UInt32], [UInt32], [UInt32])])
  func philoxKnownAnswers(counter: [UInt32], key: [UInt32], expected: [UInt32]) {
    let words = CounterRandom.block(
      counter: (counter[0], counter[1], counter[2], counter[3]), key: (key[0], key[1]))
    #expect([words.0, words.1, words.2, words.3] == expected)
  }

  @Test func streamsDifferByEveryCoordinate() {
    func first(_ seed: UInt64, _ purpose: RandomPurpose, _ epoch: Int, _ index: Int) -> UInt64 {
      var random = CounterRandom(seed: seed, purpose: purpose, epoch: epoch, index: index)
      return random.next()
    }
    let draws = [
      first(1, .masking, 0, 0), first(2, .masking, 0, 0), first(1, .order, 0, 0), first(1, .masking, 1, 0),
      first(1, .masking, 0, 1), first(1 << 40, .masking, 0, 0), first(1, .masking, 1 << 40, 0),
      first(1, .masking, 0, 1 << 40),
    ]
    #expect(Set(draws).count == draws.count)
    #expect(first(1, .masking, 0, 0) == draws[0])
  }

  @Test(arguments: [2, 3, 10, 1000])
  func belowIsUniform(bound: Int) {
    var random = CounterRandom(seed: 5, purpose: .masking, index: bound)
    var counts = [Int](repeating: 0, count: bound)
    let draws = 200 * bound
    for _ in 0..<draws { counts[random.below(bound)] += 1 }
    // Pearson's chi-squared has mean (bound - 1) and variance 2 (bound - 1); six deviations are never chance.
    let statistic = counts.reduce(0) { $0 + (Double($1) - 200) * (Double($1) - 200) / 200 }
    let freedom = Double(bound - 1)
    #expect(abs(statistic - freedom) < 6 * (2 * freedom).squareRoot() + 6)
  }

  @Test(arguments: [1, 2, 3, 5, 16, 17, 1000, 4097])
  func permutationIsOneToOne(count: Int) {
    let permutation = Permutation(count: count, random: CounterRandom(seed: 3, purpose: .order, epoch: 2))
    let image = (0..<count).map { permutation[$0] }
    #expect(image.sorted() == Array(0..<count))
    if count > 100 { #expect(image != Array(0..<count)) }
  }
}
