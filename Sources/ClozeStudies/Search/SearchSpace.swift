internal import ClozeCore

/// The values that a setting may have.
package enum SearchDomain: Sendable, Hashable {
  /// Numbers from `lower` to `upper`, both included, drawn uniformly or, if `isLogarithmic`, uniformly in their logarithm.
  /// With a `multiple` only its whole multiples; 1 means whole numbers.
  case range(lower: Double, upper: Double, isLogarithmic: Bool, multiple: Double?)
  /// Numbers in ascending order, whose order means something, such as 256, 512, 1024. Neighbours count as equally far apart.
  case levels([Double])
  /// Names, each as far from the others as from the next.
  case choice([String])
  /// A list of names, such as the blocks of a network, in which a name may come several times.
  case sequence(choices: [String], lengths: ClosedRange<Int>)
}

/// When a setting matters: a setting before it in the space has one of these values.
package struct SearchCondition: Sendable, Hashable {
  package enum Test: Sendable, Hashable {
    /// The positions of these choices or levels.
    case choices(Set<Int>)
    case range(ClosedRange<Double>)
  }

  package let key: String
  package let test: Test

  package init(key: String, test: Test) { (self.key, self.test) = (key, test) }

  /// Whether it holds; it does not where the other setting is itself absent.
  func holds(in point: SearchPoint) -> Bool {
    switch (test, point.values[key]) {
    case (.choices(let positions), .choice(let position)): positions.contains(position)
    case (.range(let range), .number(let number)): range.contains(number)
    default: false
    }
  }
}

/// A setting of the space.
package struct SearchDimension: Sendable, Hashable {
  package let key: String
  package let domain: SearchDomain
  package let condition: SearchCondition?

  package init(key: String, domain: SearchDomain, condition: SearchCondition? = nil) {
    (self.key, self.domain, self.condition) = (key, domain, condition)
  }
}

/// The settings that a study varies.
package struct SearchSpace: Sendable {
  /// A setting comes after the one that its condition names.
  package let dimensions: [SearchDimension]
  /// Whether a point meets the study's constraints, such as a limit of parameters. A function of the point alone.
  package let isAllowed: @Sendable (SearchPoint) -> Bool

  /// - Precondition: keys are distinct, conditions name keys before theirs with a test of their kind, and no domain is empty.
  package init(
    dimensions: [SearchDimension], isAllowed: @escaping @Sendable (SearchPoint) -> Bool = { _ in true }
  ) {
    var domains: [String: SearchDomain] = [:]
    for dimension in dimensions {
      precondition(domains[dimension.key] == nil, "SearchSpace: two settings \(dimension.key)")
      precondition(dimension.domain.isSound, "SearchSpace: \(dimension.key) has no values")
      if let condition = dimension.condition {
        precondition(
          domains[condition.key].map { $0.takes(condition.test) } ?? false,
          "SearchSpace: the condition of \(dimension.key) does not fit a setting before it")
      }
      domains[dimension.key] = dimension.domain
    }
    (self.dimensions, self.isAllowed) = (dimensions, isAllowed)
  }

  /// The point whose settings are given in order, each called with its index; those whose condition does not hold are absent.
  func point(_ value: (_ index: Int, _ domain: SearchDomain) -> SearchValue) -> SearchPoint {
    var point = SearchPoint()
    for (index, dimension) in dimensions.enumerated() where dimension.condition?.holds(in: point) ?? true {
      point.values[dimension.key] = value(index, dimension.domain)
    }
    return point
  }

  /// The number of its points, conditions and constraints aside; nil if there is no end of them.
  var pointCount: Int? {
    dimensions.reduce(Int?(1)) { product, dimension in
      guard let product, let count = dimension.domain.count else { return nil }
      let (next, overflows) = product.multipliedReportingOverflow(by: count)
      return overflows ? nil : next
    }
  }

  /// A point of independent uniform draws.
  func sample(_ random: inout CounterRandom) -> SearchPoint {
    point { _, domain in domain.sample(&random) }
  }

  /// The first of up to 2,000 draws that is allowed and not in `seen`; if there is none, the first allowed one, or the last
  /// of all.
  func draw(
    _ random: inout CounterRandom, seen: Set<SearchPoint>,
    from sample: (inout CounterRandom) -> SearchPoint
  ) -> SearchPoint {
    var fallback: SearchPoint?
    for _ in 1..<2000 {
      let point = sample(&random)
      let isNew = !seen.contains(point)
      guard isNew || fallback == nil, isAllowed(point) else { continue }
      if isNew { return point }
      fallback = point
    }
    return fallback ?? sample(&random)
  }
}
