extension Sequence<EncodedPair> {
  /// The pairs with the source of another pair each, of about the same length; nil if all sources are equal.
  ///
  /// A decoder that reads its source has a higher loss on these, so the difference of the losses says how much the source
  /// tells it.
  package var withDisplacedSources: [EncodedPair]? {
    let sources = Set(map(\.source)).sorted { first, second in
      first.count == second.count ? first.lexicographicallyPrecedes(second) : first.count < second.count
    }
    guard sources.count > 1 else { return nil }
    let next = Dictionary(uniqueKeysWithValues: zip(sources, sources.dropFirst() + sources.prefix(1)))
    return map { EncodedPair(source: next[$0.source] ?? $0.source, target: $0.target) }
  }
}
