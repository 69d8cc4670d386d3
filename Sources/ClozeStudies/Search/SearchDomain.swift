internal import ClozeCore
internal import Foundation

extension SearchDomain {
  /// Whether it has a value at all, and its bounds are in order.
  package var isSound: Bool {
    switch self {
    case .range(let lower, let upper, let isLogarithmic, let multiple):
      guard lower.isFinite, upper.isFinite, (upper - lower).isFinite,
        multiple.map({ $0 > 0 && $0.isFinite }) ?? true
      else {
        return false
      }
      let (lowest, highest) = SearchDomain.ends(lower, upper, multiple)
      return lowest <= highest && (!isLogarithmic || lowest > 0)
    case .levels(let levels):
      return !levels.isEmpty && zip(levels, levels.dropFirst()).allSatisfy { $0 < $1 }
    case .choice(let names): return !names.isEmpty
    case .sequence(let choices, let lengths): return !choices.isEmpty && lengths.lowerBound >= 0
    }
  }

  /// Whether a condition on a setting with this domain may have this test.
  func takes(_ test: SearchCondition.Test) -> Bool {
    switch (self, test) {
    case (.choice(let names), .choices(let positions)): positions.allSatisfy { names.indices.contains($0) }
    case (.levels(let levels), .choices(let positions)): positions.allSatisfy { levels.indices.contains($0) }
    case (.range, .range): true
    default: false
    }
  }

  /// The least and the greatest number of a range.
  static func ends(_ lower: Double, _ upper: Double, _ multiple: Double?) -> (Double, Double) {
    guard let multiple else { return (lower, upper) }
    // 0.3 / 0.1 is less than 3.
    func count(_ bound: Double, _ rule: FloatingPointRoundingRule) -> Double {
      let (quotient, nearest) = (bound / multiple, (bound / multiple).rounded())
      return abs(quotient - nearest) < 1e-9 * max(1, abs(quotient)) ? nearest : quotient.rounded(rule)
    }
    return (max(lower, count(lower, .up) * multiple), min(upper, count(upper, .down) * multiple))
  }

  /// The number of its values; nil if there are more than anyone counts.
  var count: Int? {
    switch self {
    case .range(let lower, let upper, _, let multiple):
      guard let multiple else { return nil }
      let (lowest, highest) = SearchDomain.ends(lower, upper, multiple)
      return Int(exactly: ((highest - lowest) / multiple).rounded()).map { $0 + 1 }
    case .levels(let levels): return levels.count
    case .choice(let names): return names.count
    case .sequence(let choices, let lengths):
      let count = lengths.reduce(0) { $0 + pow(Double(choices.count), Double($1)) }
      return count < 0x1p53 ? Int(count) : nil
    }
  }

  /// Whether one of a range's numbers lies in `numbers`.
  func hasNumber(in numbers: ClosedRange<Double>) -> Bool {
    guard case .range(let lower, let upper, _, let multiple) = self, numbers.overlaps(lower...upper) else {
      return false
    }
    let common = numbers.clamped(to: lower...upper)
    let (lowest, highest) = SearchDomain.ends(common.lowerBound, common.upperBound, multiple)
    return lowest <= highest
  }

  /// The value at a share of the domain, for all domains but sequences. Equal parts of 0 ..< 1 belong to the choices, the
  /// levels and, on a linear scale, the multiples.
  ///
  /// - Parameter share: in 0 ... 1.
  func value(at share: Double) -> SearchValue {
    switch self {
    case .range(let lower, let upper, let isLogarithmic, let multiple):
      let (lowest, highest) = SearchDomain.ends(lower, upper, multiple)
      let margin = (multiple ?? 0) / 2
      var number: Double
      if isLogarithmic {
        let (from, to) = (log(lowest - margin), log(highest + margin))
        number = exp(from + share * (to - from))
      } else {
        number = lowest - margin + share * (highest - lowest + 2 * margin)
      }
      if let multiple { number = (number / multiple).rounded() * multiple }
      return .number(min(max(number, lowest), highest))
    case .levels(let levels): return .choice(SearchDomain.position(share, levels.count))
    case .choice(let names): return .choice(SearchDomain.position(share, names.count))
    case .sequence: preconditionFailure("SearchDomain: a sequence has no scale")
    }
  }

  private static func position(_ share: Double, _ count: Int) -> Int {
    min(Int(share * Double(count)), count - 1)
  }

  /// Where on its scale a value lies, from 0 at the lower end to 1 at the upper: `value(at:)` backwards, but for rounding.
  func share(of value: SearchValue) -> Double {
    switch (self, value) {
    case (.range(let lower, let upper, let isLogarithmic, let multiple), .number(let number)):
      let (lowest, highest) = SearchDomain.ends(lower, upper, multiple)
      let margin = (multiple ?? 0) / 2
      let (from, to) = (lowest - margin, highest + margin)
      guard to > from else { return 0.5 }
      let share = isLogarithmic ? log(number / from) / log(to / from) : (number - from) / (to - from)
      return min(max(share, 0), 1)
    case (.levels(let levels), .choice(let position)): return (Double(position) + 0.5) / Double(levels.count)
    case (.choice(let names), .choice(let position)): return (Double(position) + 0.5) / Double(names.count)
    default: preconditionFailure("SearchDomain: \(value) is no value of \(self)")
    }
  }

  /// A uniform draw: of a sequence first its length, then each name.
  func sample(_ random: inout CounterRandom) -> SearchValue {
    guard case .sequence(let choices, let lengths) = self else { return value(at: random.uniform()) }
    let length = lengths.lowerBound + random.below(lengths.count)
    return .sequence((0..<length).map { _ in random.below(choices.count) })
  }
}
