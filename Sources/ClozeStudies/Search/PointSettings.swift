internal import ClozeCore
internal import ClozeTraining

/// What the points of a space are as settings of runs, and which of them are allowed.
struct PointSettings<Subject: SearchSubject>: Sendable {
  let named: NamedSpace
  let space: SearchSpace
  /// Why a point is not allowed; nil if it is.
  let refusal: @Sendable (SearchPoint) -> String?
  private let subject: Subject
  private let base: ConfigurationTemplate<Subject.Task.Settings>

  /// - Throws: `ConfigurationError` for a space that cannot be read
  init(_ subject: Subject, _ settings: SearchConfiguration) throws {
    let base = try ConfigurationTemplate(subject.base)
    let reader = SearchSpaceReader(
      leaves: try subject.base.leaves(), refusal: subject.refusal(varying:),
      nearest: { key in
        do {
          _ = try base.with(["\(key)=0"])
        } catch ConfigurationError.unknownKey(_, _, let nearest) {
          return nearest
        } catch {}
        return nil
      })
    let named = try reader.read(settings.space)
    let limits = settings.limits
    let refusal = { @Sendable (point: SearchPoint) -> String? in
      do {
        let settings = try base.with(named.overrides(point))
        try subject.check(settings)
        guard limits.parameters > 0 else { return nil }
        let count = try subject.parameterCount(settings)
        return count <= limits.parameters
          ? nil
          : "its model has \(Figure.count(count)) parameters, and limits.parameters is "
            + Figure.count(limits.parameters)
      } catch {
        return "\(error)"
      }
    }
    // A proposer may ask for the same point many times.
    let known = Guarded<[SearchPoint: Bool]>([:])
    space = SearchSpace(dimensions: named.dimensions) { point in
      if let isAllowed = known.withLock({ $0[point] }) { return isAllowed }
      let isAllowed = refusal(point) == nil
      known.withLock { $0[point] = isAllowed }
      return isAllowed
    }
    (self.named, self.refusal, self.subject, self.base) = (named, refusal, subject, base)
  }

  /// Checks that the ends of each range and each choice are values that a run takes, and that some points of the space are
  /// allowed.
  ///
  /// A value that the base does not take may be right together with other values, so it is also tried with random ones.
  /// - Throws: `ConfigurationError.invalid`, `SearchError.nothingAllowed`
  func checkSpace() throws {
    var random = CounterRandom(seed: 0, purpose: .proposal)
    let points = (0..<100).map { _ in space.sample(&random) }
    for dimension in named.dimensions {
      for value in dimension.domain.corners {
        let reasons = ([SearchPoint()] + points).lazy.map { point -> String? in
          var point = point
          point.values[dimension.key] = value
          do {
            try subject.check(base.with(named.overrides(point)))
            return nil
          } catch {
            return "\(error)"
          }
        }
        if reasons.contains(where: { $0 == nil }) { continue }
        let text = named.overrides(SearchPoint(values: [dimension.key: value])).first ?? dimension.key
        throw ConfigurationError.invalid(
          path: "space.\(dimension.key)",
          reason: "\(text) is refused by the runs themselves: \((reasons.first ?? nil) ?? "")")
      }
    }
    guard !points.contains(where: space.isAllowed) else { return }
    var last: String?
    for _ in 0..<400 {
      let point = space.sample(&random)
      last = refusal(point)
      if last == nil { return }
    }
    throw SearchError.nothingAllowed(reason: last ?? "")
  }
}

extension SearchDomain {
  /// The values at which a wrong domain shows: the ends of a range, each choice, the longest and the shortest lists.
  fileprivate var corners: [SearchValue] {
    switch self {
    case .range: [value(at: 0), value(at: 1)]
    case .levels(let levels): levels.indices.map { .choice($0) }
    case .choice(let names): names.indices.map { .choice($0) }
    case .sequence(let choices, let lengths):
      choices.indices.flatMap { choice in
        [lengths.lowerBound, lengths.upperBound].map { .sequence([Int](repeating: choice, count: $0)) }
      }
    }
  }
}
