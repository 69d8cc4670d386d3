/// Finds and scores the entities of tagged sentences like seqeval in its default mode, which is that of conlleval.
///
/// A tag is a prefix and a type: `B-PER`. Prefixes are read as in IOB1, IOB2, IOE and IOBES at once: an entity ends
/// before B, S or O, behind E or S, and where the type changes; it begins with B or S, with I or E behind O, E or S,
/// and where the type changes. Other prefixes, such as BILOU's U and L, only continue an entity, so U after an entity
/// of its type does not begin another.
///
/// Source: `get_entities` of seqeval 1.2.2; Tjong Kim Sang and De Meulder 2003, section 2.4 (conlleval).
package struct EntityScores: Sendable, Equatable {
  /// By type.
  package private(set) var types: [String: ClassCounts] = [:]
  private var truth = EntityFinder()
  private var predicted = EntityFinder()

  package init() {}

  /// Adds the true tags of a sentence and as many predicted ones.
  ///
  /// - Returns: the counts that the sentence adds to all types together.
  @discardableResult
  package mutating func add(truth trueTags: [String], predicted predictedTags: [String]) -> ClassCounts {
    precondition(
      trueTags.count == predictedTags.count, "EntityScores: \(trueTags.count) tags, \(predictedTags.count)")
    let actual = truth.entities(of: trueTags)
    let found = predicted.entities(of: predictedTags)
    for entity in actual { types[entity.type, default: ClassCounts()].actual += 1 }
    for entity in found { types[entity.type, default: ClassCounts()].predicted += 1 }
    let correct = actual.intersection(found)
    for entity in correct { types[entity.type, default: ClassCounts()].correct += 1 }
    return ClassCounts(correct: correct.count, predicted: found.count, actual: actual.count)
  }

  /// All types together: seqeval's micro average.
  package var all: ClassCounts { types.values.sum }
  package var macroF1: Double { types.values.macroF1 }

  /// Whether a tag marks its word as inside or outside an entity; tags of word classes do not.
  package static func isEntityTag(_ tag: String) -> Bool {
    tag == "O" || ["B-", "I-", "E-", "S-", "U-", "L-"].contains { tag.hasPrefix($0) }
  }
}

/// Reads tags one after another and returns the entities that end there.
private struct EntityFinder: Sendable, Equatable {
  struct Entity: Hashable {
    let type: String
    /// The words of all sentences, with an O after each sentence.
    let begin: Int
    let end: Int
  }

  private struct Tag: Equatable {
    let prefix: Unicode.Scalar
    let type: String

    static let outside = Tag("O")

    init(_ text: String) {
      prefix = text.unicodeScalars.first ?? "O"
      let rest = text.unicodeScalars.dropFirst()
      let type = rest.firstIndex(of: "-").map { rest[rest.index(after: $0)...] } ?? rest
      self.type = type.isEmpty ? "_" : String(type)
    }

    private init(prefix: Unicode.Scalar, type: String) { (self.prefix, self.type) = (prefix, type) }

    /// The tag before the first word, with a type that no word has.
    static let beforeAll = Tag(prefix: "O", type: "")

    var isInside: Bool { prefix != "O" && prefix != "." }

    /// Whether an entity with `self` ends before `next`.
    func ends(before next: Tag) -> Bool {
      switch (prefix, next.prefix) {
      case ("E", _), ("S", _), ("B", "B"), ("B", "S"), ("B", "O"), ("I", "B"), ("I", "S"), ("I", "O"): true
      default: isInside && type != next.type
      }
    }

    /// Whether an entity begins with `self`.
    func begins(after last: Tag) -> Bool {
      switch (last.prefix, prefix) {
      case (_, "B"), (_, "S"), ("E", "E"), ("E", "I"), ("S", "E"), ("S", "I"), ("O", "E"), ("O", "I"): true
      default: isInside && type != last.type
      }
    }
  }

  private var last = Tag.beforeAll
  private var begin = 0
  private var position = 0

  /// - Parameter tags: the tags of a sentence; an O is added after it.
  mutating func entities(of tags: [String]) -> Set<Entity> {
    var found: Set<Entity> = []
    for tag in tags.lazy.map(Tag.init) + [.outside] {
      if last.ends(before: tag) {
        found.insert(Entity(type: last.type, begin: begin, end: position - 1))
      }
      if tag.begins(after: last) { begin = position }
      last = tag
      position += 1
    }
    return found
  }
}
