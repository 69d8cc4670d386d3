internal import ClozeCore
internal import Foundation

extension SearchDomain {
  /// A value near another: a number moves by a normal step, a level to a neighbour or further, a choice is drawn anew, and a
  /// sequence has one name replaced, inserted, deleted or exchanged with another.
  ///
  /// - Parameter deviation: of the step, as a share of the domain.
  func changed(_ value: SearchValue, deviation: Double, _ random: inout CounterRandom) -> SearchValue {
    switch (self, value) {
    case (.range(_, _, _, let multiple), _):
      let share = share(of: value)
      let moved = self.value(at: SearchDomain.reflected(share + deviation * random.normal()))
      guard moved == value, multiple != nil else { return moved }
      return neighbour(of: value, share: share, up: random.below(2) == 0)
    case (.levels(let levels), .choice(let position)):
      let step = max(1, (abs(deviation * random.normal()) * Double(levels.count)).rounded())
      let moved = position + (random.below(2) == 0 ? 1 : -1) * Int(step)
      return .choice(min(max(moved, 0), levels.count - 1))
    case (.choice(let names), .choice(let position)):
      guard names.count > 1 else { return value }
      let other = random.below(names.count - 1)
      return .choice(other < position ? other : other + 1)
    case (.sequence(let choices, let lengths), .sequence(let positions)):
      return .sequence(SearchDomain.edited(positions, choices.count, lengths, &random))
    default: preconditionFailure("SearchDomain: \(value) is no value of \(self)")
    }
  }

  /// A share that left 0 ... 1, mirrored at the end that it crossed.
  private static func reflected(_ share: Double) -> Double {
    let folded = abs(share).truncatingRemainder(dividingBy: 2)
    return folded > 1 ? 2 - folded : folded
  }

  /// The next multiple in a direction, or in the other one at an end of the range.
  private func neighbour(of value: SearchValue, share: Double, up: Bool) -> SearchValue {
    guard case .range(let lower, let upper, _, let multiple?) = self, case .number(let number) = value else {
      return value
    }
    let (lowest, highest) = SearchDomain.ends(lower, upper, multiple)
    let candidates = (up ? [1.0, -1] : [-1, 1]).map { direction in
      min(max(((number / multiple).rounded() + direction) * multiple, lowest), highest)
    }
    return .number(candidates.first { $0 != number } ?? number)
  }

  private static func edited(
    _ positions: [Int], _ choices: Int, _ lengths: ClosedRange<Int>, _ random: inout CounterRandom
  ) -> [Int] {
    var edits: [Int] = []
    if choices > 1, !positions.isEmpty { edits += [0, 0] }
    if positions.count < lengths.upperBound { edits.append(1) }
    if positions.count > lengths.lowerBound { edits.append(2) }
    if Set(positions).count > 1 { edits.append(3) }
    guard !edits.isEmpty else { return positions }
    var result = positions
    switch edits[random.below(edits.count)] {
    case 0:
      let (place, other) = (random.below(result.count), random.below(choices - 1))
      result[place] = other < result[place] ? other : other + 1
    case 1: result.insert(random.below(choices), at: random.below(result.count + 1))
    case 2: result.remove(at: random.below(result.count))
    default:
      let place = random.below(result.count)
      let others = result.indices.filter { result[$0] != result[place] }
      result.swapAt(place, others[random.below(others.count)])
    }
    return result
  }
}

extension SearchSpace {
  /// A point with some settings changed, at least one. Settings whose condition comes to hold are drawn.
  ///
  /// - Parameters:
  ///   - count: how many settings change in the mean.
  ///   - deviation: of the step of a number, as a share of its domain.
  func changed(
    _ point: SearchPoint, count: Double, deviation: Double, _ random: inout CounterRandom
  ) -> SearchPoint {
    let active = dimensions.indices.filter { point.values[dimensions[$0].key] != nil }
    guard !active.isEmpty else { return point }
    let probability = min(count / Double(active.count), 1)
    let certain = active[random.below(active.count)]
    let changes = Set(active.filter { _ in random.uniform() < probability }).union([certain])
    return self.point { index, domain in
      guard let value = point.values[dimensions[index].key] else { return domain.sample(&random) }
      return changes.contains(index) ? domain.changed(value, deviation: deviation, &random) : value
    }
  }

  /// The middle of every range, the first of every choice, and sequences of the first choice with the middle length.
  var middle: SearchPoint {
    point { _, domain in
      switch domain {
      case .range, .levels: return domain.value(at: 0.5)
      case .choice: return .choice(0)
      case .sequence(_, let lengths):
        return .sequence([Int](repeating: 0, count: (lengths.lowerBound + lengths.upperBound) / 2))
      }
    }
  }
}

extension CounterRandom {
  /// A draw from the standard normal distribution (Box and Muller 1958).
  mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }
}
