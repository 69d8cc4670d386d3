/// Points as vectors between which a kernel measures distances. Any map of points to vectors makes a kernel of vectors a kernel of
/// points, so settings that are absent and lists of different lengths need no kernel of their own.
///
/// A number is its share of the range; where it is absent, it lies in the middle. A choice is a unit vector over sqrt(2), so that
/// two choices have the squared distance 1; where it is absent, zero. A sequence has two groups of features: how often it has each
/// name, and which name is at each place, both so that two lists without a common name have a squared distance of about 1.
struct PointFeatures: Sendable {
  private let space: SearchSpace
  /// The group of each feature. Features of a group have one length.
  let groups: [Int]
  let groupCount: Int

  init(_ space: SearchSpace) {
    self.space = space
    var groups: [Int] = []
    var group = 0
    for dimension in space.dimensions {
      for size in PointFeatures.sizes(dimension.domain) {
        groups += [Int](repeating: group, count: size)
        group += 1
      }
    }
    (self.groups, groupCount) = (groups, group)
  }

  /// The numbers of features of each group of a setting.
  static func sizes(_ domain: SearchDomain) -> [Int] {
    switch domain {
    case .range, .levels: [1]
    case .choice(let names): [names.count]
    case .sequence(let choices, let lengths): [choices.count, choices.count * lengths.upperBound]
    }
  }

  func callAsFunction(_ point: SearchPoint) -> [Double] {
    var features: [Double] = []
    features.reserveCapacity(groups.count)
    for dimension in space.dimensions { append(dimension, point.values[dimension.key], to: &features) }
    return features
  }

  private func append(_ dimension: SearchDimension, _ value: SearchValue?, to features: inout [Double]) {
    let start = features.count
    switch (dimension.domain, value) {
    case (.range, let value), (.levels, let value):
      features.append(value.map { dimension.domain.share(of: $0) } ?? 0.5)
    case (.choice(let names), let value):
      features += [Double](repeating: 0, count: names.count)
      if case .choice(let position) = value { features[start + position] = 0.5.squareRoot() }
    case (.sequence(let choices, let lengths), let value):
      features += [Double](repeating: 0, count: choices.count * (1 + lengths.upperBound))
      guard case .sequence(let positions) = value else { return }
      let longest = Double(max(lengths.upperBound, 1))
      for (place, choice) in positions.enumerated() {
        features[start + choice] += 0.5.squareRoot() / longest
        features[start + choices.count * (1 + place) + choice] = (0.5 / longest).squareRoot()
      }
    }
  }
}
