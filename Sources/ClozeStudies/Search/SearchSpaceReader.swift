internal import ClozeCore
internal import Foundation

/// Reads the `space` of a study's settings.
struct SearchSpaceReader {
  static let blocks = "model.blocks"
  static let layerCount = "model.layerCount"
  /// Of a sequence.
  private static let longest = 1000

  /// The settings that the trials share: values as text, by the path of their keys.
  let leaves: [String: String]
  /// Why a setting cannot be varied; nil if it can.
  let refusal: (String) -> String?
  /// The setting that was perhaps meant.
  let nearest: (String) -> String?

  private func invalid(_ key: String, _ reason: String) -> ConfigurationError {
    .invalid(path: "space.\(key)", reason: reason)
  }

  /// - Throws: `ConfigurationError`
  func read(_ tree: SettingTree) throws -> NamedSpace {
    guard case .mapping(let pairs) = tree, !pairs.isEmpty else {
      throw ConfigurationError.invalid(
        path: "space",
        reason: "names no setting; write such as 'optimizer.learningRate: {from: 1e-4, to: 3e-3}' in it")
    }
    var dimensions: [SearchDimension] = []
    var conditions: [(key: String, test: SettingTree)] = []
    for (key, value) in pairs {
      try check(key)
      let spec = try Spec(key, value)
      dimensions.append(SearchDimension(key: key, domain: try domain(key, spec)))
      if let when = spec["when"] { conditions.append((key, when)) }
    }
    let keys = Set(dimensions.map(\.key))
    if keys.contains(SearchSpaceReader.layerCount),
      dimensions.contains(where: { $0.key == SearchSpaceReader.blocks && $0.isSequence })
    {
      throw invalid(
        SearchSpaceReader.layerCount, "is set by the lengths of \(SearchSpaceReader.blocks); leave it out")
    }
    return NamedSpace(
      dimensions: try ordered(dimensions, conditions: conditions),
      wholeNumbers: keys.filter(isWhole))
  }

  private func check(_ key: String) throws {
    guard leaves[key] != nil else {
      let section = leaves.keys.filter { $0.hasPrefix(key + ".") }.min()
      if let section {
        throw invalid(key, "is a section; write the whole path of a setting, such as '\(section)'")
      }
      throw ConfigurationError.unknownKey(source: "space", path: key, nearest: nearest(key))
    }
    if let refusal = refusal(key) { throw invalid(key, refusal) }
  }

  private func domain(_ key: String, _ spec: Spec) throws -> SearchDomain {
    let domain: SearchDomain
    if let choices = spec["choices"] {
      domain = try self.choices(key, choices)
    } else if let sequence = spec["sequence"] {
      guard key == SearchSpaceReader.blocks else {
        throw invalid(key, "is no list; a sequence is for \(SearchSpaceReader.blocks)")
      }
      domain = .sequence(choices: try names(key, sequence), lengths: try lengths(key, spec["lengths"]))
    } else {
      domain = try range(key, spec)
    }
    guard domain.isSound else {
      throw invalid(
        key, "has no value; write from below to, above 0 for scale: logarithmic, and a multiple between them")
    }
    return domain
  }

  private func range(_ key: String, _ spec: Spec) throws -> SearchDomain {
    let (lower, upper) = (try number(key, "from", spec["from"]), try number(key, "to", spec["to"]))
    guard lower < upper else {
      throw invalid(key, "goes from \(lower) to \(upper); write from below to")
    }
    var isLogarithmic = false
    if let scale = spec["scale"] {
      guard case .scalar(let name) = scale, ["linear", "logarithmic"].contains(name) else {
        throw invalid(key, "has another scale; choose linear or logarithmic")
      }
      isLogarithmic = name == "logarithmic"
    }
    let isWhole = isWhole(key)
    if isWhole { try checkWhole(key, [lower, upper]) }
    let multiple = try spec["multipleOf"].map { try number(key, "multipleOf", $0) } ?? (isWhole ? 1 : nil)
    guard !isWhole || multiple?.rounded() == multiple else {
      throw invalid(key, "is a whole number; choose a whole multipleOf")
    }
    return .range(lower: lower, upper: upper, isLogarithmic: isLogarithmic, multiple: multiple)
  }

  private func choices(_ key: String, _ tree: SettingTree) throws -> SearchDomain {
    let names = try names(key, tree)
    let numbers = names.compactMap(Double.init)
    guard numbers.count == names.count, leaves[key].map({ Double($0) != nil }) ?? false else {
      return .choice(names)
    }
    guard Set(numbers).count == numbers.count else {
      throw invalid(key, "names a number twice; leave one out")
    }
    if isWhole(key) { try checkWhole(key, numbers) }
    return .levels(numbers.sorted())
  }

  /// Whether the setting is a whole number.
  private func isWhole(_ key: String) -> Bool { leaves[key].map { Int($0) != nil } ?? false }

  private func checkWhole(_ key: String, _ numbers: [Double]) throws {
    // Above 2^53 not every whole number is a Double.
    for number in numbers where number.rounded() != number || abs(number) > 0x1p53 {
      throw invalid(key, "is a whole number, and \(number) is none, or too large; choose another")
    }
  }

  private func names(_ key: String, _ tree: SettingTree) throws -> [String] {
    guard case .list(let values) = tree, values.count >= 2 else {
      throw invalid(key, "has fewer than two choices; write a list such as [token, span]")
    }
    let names = try values.map { value in
      guard case .scalar(let name) = value, !name.isEmpty else {
        throw invalid(key, "has a choice that is no single value; write a list such as [token, span]")
      }
      return name
    }
    guard Set(names).count == names.count else { throw invalid(key, "names a choice twice; leave one out") }
    return names
  }

  private func lengths(_ key: String, _ tree: SettingTree?) throws -> ClosedRange<Int> {
    guard case .list(let bounds) = tree, bounds.count == 2, case .scalar(let first) = bounds[0],
      case .scalar(let last) = bounds[1], let least = Int(first), let most = Int(last), least >= 1,
      least <= most, most <= SearchSpaceReader.longest
    else {
      throw invalid(
        key,
        "has no lengths; write the least and the greatest, at most \(SearchSpaceReader.longest), such as lengths: [2, 6]"
      )
    }
    return least...most
  }

  private func number(_ key: String, _ word: String, _ tree: SettingTree?) throws -> Double {
    guard case .scalar(let text) = tree, let number = Double(text), number.isFinite else {
      throw invalid(
        key,
        "has no number '\(word)'; write {from: 1e-4, to: 1e-3}, a list of choices, or {sequence: [...], "
          + "lengths: [2, 6]}")
    }
    return number
  }
}

// MARK: Conditions

extension SearchSpaceReader {
  /// The dimensions with their conditions, each after the one that its condition names.
  private func ordered(_ dimensions: [SearchDimension], conditions: [(key: String, test: SettingTree)]) throws
    -> [SearchDimension]
  {
    let domains = Dictionary(uniqueKeysWithValues: dimensions.map { ($0.key, $0.domain) })
    var conditionOf: [String: SearchCondition] = [:]
    for (key, tree) in conditions { conditionOf[key] = try condition(key, tree, domains) }
    var placed: Set<String> = []
    var ordered: [SearchDimension] = []
    while ordered.count < dimensions.count {
      let next = dimensions.first { dimension in
        !placed.contains(dimension.key)
          && (conditionOf[dimension.key].map { placed.contains($0.key) } ?? true)
      }
      guard let next else {
        let key = dimensions.first { !placed.contains($0.key) }?.key ?? ""
        throw invalid(key, "has a condition on a setting that depends on it in turn; leave one condition out")
      }
      placed.insert(next.key)
      ordered.append(
        SearchDimension(key: next.key, domain: next.domain, condition: conditionOf[next.key]))
    }
    return ordered
  }

  private func condition(_ key: String, _ tree: SettingTree, _ domains: [String: SearchDomain]) throws
    -> SearchCondition
  {
    guard case .mapping(let pairs) = tree, pairs.count == 1, let (other, test) = pairs.first else {
      throw invalid(key, "has a 'when' that is not of the form {key: value}; name one other setting")
    }
    guard other != key, let domain = domains[other] else {
      throw invalid(key, "depends on '\(other)', which the space does not vary; name a setting of the space")
    }
    func refused(_ reason: String) -> ConfigurationError { invalid(key, "depends on \(other), \(reason)") }
    if case .range = domain {
      guard case .mapping(let words) = test, words.allSatisfy({ ["from", "to"].contains($0.key) }) else {
        throw refused("a range; write when: {\(other): {from: 1, to: 2}}")
      }
      let spec = try Spec(key, test)
      let (lower, upper) = (try number(key, "from", spec["from"]), try number(key, "to", spec["to"]))
      guard lower <= upper else { throw refused("with from above to; exchange them") }
      guard domain.hasNumber(in: lower...upper) else {
        throw refused("which has no value from \(lower) to \(upper); choose numbers of its own range")
      }
      return SearchCondition(key: other, test: .range(lower...upper))
    }
    let names: [String]
    switch domain {
    case .choice(let choices): names = choices
    case .levels(let levels): names = levels.map { "\($0)" }
    default: throw refused("a sequence, which has no values to name; depend on another setting")
    }
    let wanted: [SettingTree] = if case .list(let list) = test { list } else { [test] }
    let positions = try wanted.map { value in
      guard case .scalar(let text) = value,
        let position = names.firstIndex(where: {
          $0 == text || (Double($0) != nil && Double($0) == Double(text))
        })
      else { throw refused("which has no such value; choose from \(names.joined(separator: ", "))") }
      return position
    }
    return SearchCondition(key: other, test: .choices(Set(positions)))
  }
}

/// What is written of a setting in a space: a list of choices, or words with their values.
private struct Spec {
  private let words: [String: SettingTree]
  private static let known = ["from", "to", "scale", "multipleOf", "choices", "sequence", "lengths", "when"]

  init(_ key: String, _ tree: SettingTree) throws {
    func invalid(_ reason: String) -> ConfigurationError { .invalid(path: "space.\(key)", reason: reason) }
    switch tree {
    case .list: words = ["choices": tree]
    case .mapping(let pairs):
      if let unknown = pairs.first(where: { !Spec.known.contains($0.key) }) {
        throw invalid("has '\(unknown.key)'; its words are \(Spec.known.joined(separator: ", "))")
      }
      words = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
      let kinds = ["from", "choices", "sequence"].filter { words[$0] != nil }
      guard kinds.count <= 1 else {
        throw invalid("is \(kinds.joined(separator: " and ")) at once; choose one")
      }
      if let kind = kinds.first,
        let unused = Spec.known.first(where: { words[$0] != nil && !Spec.belongs($0, to: kind) })
      {
        throw invalid("has '\(unused)', which means nothing beside '\(kind)'; leave it out")
      }
    case .scalar(let text):
      throw invalid(
        "is the single value '\(text)'; write {from: 1e-4, to: 1e-3} or a list of choices, or put it into base"
      )
    }
  }

  subscript(_ word: String) -> SettingTree? { words[word] }

  /// Whether a word says something of a range (`from`), of choices or of a sequence.
  private static func belongs(_ word: String, to kind: String) -> Bool {
    switch word {
    case "to", "scale", "multipleOf": kind == "from"
    case "lengths": kind == "sequence"
    default: true
    }
  }
}

extension SearchDimension {
  fileprivate var isSequence: Bool { if case .sequence = domain { true } else { false } }
}
