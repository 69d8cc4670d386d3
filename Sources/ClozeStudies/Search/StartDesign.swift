internal import ClozeCore
internal import Foundation

/// The points with which a study begins, before there is anything to learn from: the middle of the space, then points that cover
/// it more evenly than independent draws.
///
/// The numbers and choices of point n are the shares (shift + n step_i) mod 1, where step_i is the -i-th power of the root of
/// x^(d + 1) = x + 1, and the shifts are drawn from the seed. Sequences are drawn.
///
/// Source: Roberts 2018, "The unreasonable effectiveness of quasirandom sequences".
struct StartDesign: Sendable {
  private let space: SearchSpace
  private let seed: UInt64
  private let shifts: [Double]
  private let steps: [Double]

  init(_ space: SearchSpace, seed: UInt64) {
    (self.space, self.seed) = (space, seed)
    var random = CounterRandom(seed: seed, purpose: .proposal, epoch: 1)
    shifts = space.dimensions.map { _ in random.uniform() }
    var root = 2.0
    for _ in 0..<60 { root = pow(1 + root, 1 / Double(space.dimensions.count + 1)) }
    steps = space.dimensions.indices.map { pow(root, -Double($0 + 1)) }
  }

  /// - Parameters:
  ///   - number: of the point; 0 is the middle.
  ///   - seen: points that are not to be repeated.
  func point(_ number: Int, seen: Set<SearchPoint>) -> SearchPoint {
    if number == 0, !seen.contains(space.middle), space.isAllowed(space.middle) { return space.middle }
    var random = CounterRandom(seed: seed, purpose: .proposal, epoch: 2, index: number)
    var position = Double(number)
    return space.draw(&random, seen: seen) { random in
      // Points that are not allowed are replaced from further along the same progression.
      defer { position += 1009 }
      return space.point { index, domain in
        if case .sequence = domain { return domain.sample(&random) }
        return domain.value(at: (shifts[index] + position * steps[index]).truncatingRemainder(dividingBy: 1))
      }
    }
  }
}
