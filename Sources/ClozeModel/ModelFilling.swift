internal import ClozeCompute

// How a store is filled from a folder's weights.
extension ModelArchive {
  /// Checks that the names and shapes in the file are the model's, then allocates the store and fills it. So sizes that
  /// only the configuration claims cannot make it allocate memory.
  static func load(
    _ entries: [ArchiveEntry], tied: [ArchiveEntry], unread: Set<String> = [], from weights: ModelWeights,
    into store: ParameterStore
  ) throws {
    let entries = entries + tied
    try check(entries, unread: unread, in: weights)
    store.allocate(seed: nil)
    try fill(store, with: entries, from: weights)
    store.refreshCopies()
  }

  /// A tensor that repeats another may be missing, but must not differ.
  private static func isExpected(_ entry: ArchiveEntry, in weights: ModelWeights) -> Bool {
    !entry.isShared || weights.contains(entry.name)
  }

  /// Checks that the names and shapes in the file are those of a model.
  static func check(_ entries: [ArchiveEntry], unread: Set<String> = [], in weights: ModelWeights) throws {
    try checkNames(weights, entries, unread: unread)
    for entry in entries where isExpected(entry, in: weights) {
      try weights.check(entry.name, shape: entry.shape)
    }
  }

  /// Reads tensors whose shapes have been checked.
  static func fill(
    _ store: ParameterStore, with entries: [ArchiveEntry], from weights: ModelWeights
  ) throws {
    for entry in entries where !entry.isShared {
      try read(entry, name: entry.name, from: weights, into: store)
    }
    for entry in entries where entry.isShared && isExpected(entry, in: weights) {
      // Bits, since NaN is not equal to itself.
      let values = store.values(of: entry.parameter)[entry.elements]
      guard try weights.floats(entry.name).lazy.map(\.bitPattern).elementsEqual(values.lazy.map(\.bitPattern))
      else {
        throw ArchiveError.unsupported(
          path: weights.path, what: "a '\(entry.name)' that is not the one it is tied to")
      }
    }
  }

  static func read(
    _ entry: ArchiveEntry, name: String, from weights: ModelWeights, into store: ParameterStore
  ) throws {
    let values = store.values(of: entry.parameter)
    try weights.read(
      name, shape: entry.shape, into: UnsafeMutableBufferPointer(rebasing: values[entry.elements]))
  }
}
