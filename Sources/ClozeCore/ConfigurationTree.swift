internal import Foundation
internal import Yams

/// A configuration as a tree of YAML nodes whose keys are exactly the valid ones.
struct ConfigurationTree {
  var root: Node

  /// Bytes.
  static let largestFile = 1 << 16

  init(encoding configuration: some Configuration) throws {
    let text = try configuration.yaml()
    guard let node = try Yams.compose(yaml: text) else {
      preconditionFailure("a configuration encodes to an empty document")
    }
    root = node
  }

  mutating func merge(yaml text: String, source: String) throws {
    if let alias = ConfigurationTree.alias(in: text) {
      throw ConfigurationError.malformed(
        source: source, reason: "names a value with '&\(alias)' and repeats it with '*\(alias)'; write it out"
      )
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationError.malformed(
        source: source, reason: "is not valid YAML (\(ConfigurationTree.reason(error)))")
    }
    guard let node else { return }
    root = try merged(root, with: node, path: [], source: source)
  }

  mutating func set(_ override: String) throws {
    guard let equals = override.firstIndex(of: "="), equals != override.startIndex else {
      throw ConfigurationError.malformed(source: "--set \(override)", reason: "is not of the form key=value")
    }
    let keys = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let text = String(override[override.index(after: equals)...])
    guard ConfigurationTree.alias(in: text) == nil else {
      throw ConfigurationError.malformed(source: "--set \(override)", reason: "has a value that is not YAML")
    }
    // A text such as `[attention, recurrent] x 2` is no YAML, but needs no quotes inside those of the shell.
    var node = (try? Yams.compose(yaml: text)) ?? Node(text, Tag(.str))
    for key in keys.reversed() { node = Node.mapping(.init([(Node(key), node)])) }
    root = try merged(root, with: node, path: [], source: "--set")
  }

  /// The parser's message without the surrounding text, which may be long.
  private static func reason(_ error: any Error) -> String {
    switch error {
    case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
      YamlError.composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): \(problem)"
    case YamlError.duplicatedKeysInMapping(let keys, let context):
      "line \(context.mark.line): the key '\(keys.first ?? "")' comes twice"
    case YamlError.reader(let problem, let offset, _, _):
      problem + (offset.map { " at byte \($0)" } ?? "")
    default: "\(type(of: error))"
    }
  }

  /// The name of an anchor that the text uses as an alias; nil if there is none.
  ///
  /// An alias is expanded to everything that it names, so a few lines can be more values than fit into memory, or
  /// nested deeper than the stack. The parser must not see them. Comments and quotes are searched too, so that they
  /// cannot hide an alias.
  private static func alias(in text: String) -> Substring? {
    func names(after mark: Character) -> [Substring] {
      text.split(separator: mark, omittingEmptySubsequences: false).dropFirst().map { rest in
        rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" || $0 == "-" }
      }
    }
    let anchors = Set(names(after: "&"))
    return names(after: "*").first { !$0.isEmpty && anchors.contains($0) }
  }

  /// The settings with each `key=value` of `overrides`, checked.
  func configuration<Settings: Configuration>(_ overrides: [String]) throws -> Settings {
    var tree = self
    for override in overrides { try tree.set(override) }
    let configuration = try tree.decode(Settings.self)
    try configuration.validate()
    return configuration
  }

  /// The scalars, by the path of their keys.
  var leaves: [String: String] {
    var leaves: [String: String] = [:]
    func visit(_ node: Node, _ path: [String]) {
      if case .mapping(let mapping) = node {
        for (key, value) in mapping { visit(value, path + [key.string ?? ""]) }
      } else {
        leaves[path.joined(separator: ".")] = node.string ?? ""
      }
    }
    visit(root, [])
    return leaves
  }

  func decode<Settings: Configuration>(_ type: Settings.Type) throws -> Settings {
    do {
      return try YAMLDecoder().decode(type, from: root)
    } catch let error as DecodingError {
      throw ConfigurationTree.explain(error)
    }
  }

  /// A list of words for a setting that is text: the words in brackets, as they were written.
  private static func text(_ base: Node, _ change: Node) -> Node? {
    guard base.tag.rawValue == Tag.Name.str.rawValue, case .sequence(let items) = change else { return nil }
    let words = items.compactMap(\.string)
    return words.count == items.count ? Node("[" + words.joined(separator: ", ") + "]", Tag(.str)) : nil
  }

  private func merged(_ base: Node, with change: Node, path: [String], source: String) throws -> Node {
    guard case .mapping(var baseMapping) = base else {
      guard change.float?.isFinite ?? true else {
        throw ConfigurationError.invalid(path: path.joined(separator: "."), reason: "is not a finite number")
      }
      if base.float != nil, let text = change.scalar?.string, ConfigurationTree.isOfAnotherBase(text) {
        throw ConfigurationError.invalid(
          path: path.joined(separator: "."),
          reason:
            "is \(text), which YAML reads as \(change.int.map { "\($0)" } ?? "another number"); write it with ordinary digits"
        )
      }
      return ConfigurationTree.text(base, change) ?? change
    }
    guard case .mapping(let changes) = change else {
      throw ConfigurationError.wrongType(
        path: path.isEmpty ? source : path.joined(separator: "."), expected: "a mapping of keys to values")
    }
    for (keyNode, value) in changes {
      let key = keyNode.string ?? ""
      let here = path + [key.utf8.count > 100 ? "\(key.prefix(100))…" : key]
      guard let current = baseMapping[keyNode] else {
        let known = key.utf8.count > 100 ? [] : baseMapping.keys.compactMap(\.string)
        let sibling =
          known.min { $0.editDistance(to: key) < $1.editDistance(to: key) }
          .flatMap { $0.editDistance(to: key) <= max(2, key.count / 2) ? $0 : nil }
        throw ConfigurationError.unknownKey(
          source: source, path: here.joined(separator: "."),
          nearest: sibling.map { (path + [$0]).joined(separator: ".") } ?? elsewhere(key))
      }
      baseMapping[keyNode] = try merged(current, with: value, path: here, source: source)
    }
    return .mapping(baseMapping)
  }

  /// Whether YAML 1.1 reads a number in base 8 (`010`) or 60 (`1:30`).
  private static func isOfAnotherBase(_ text: String) -> Bool {
    text.wholeMatch(of: /[-+]?0[0-9_]+/) != nil || text.contains(":")
  }

  /// The full path of a key that exists in another section.
  private func elsewhere(_ key: String) -> String? {
    func search(_ node: Node, _ path: [String]) -> String? {
      guard case .mapping(let mapping) = node else { return nil }
      for (name, value) in mapping {
        let here = path + [name.string ?? ""]
        if name.string == key { return here.joined(separator: ".") }
        if let found = search(value, here) { return found }
      }
      return nil
    }
    return search(root, [])
  }

  private static func explain(_ error: DecodingError) -> ConfigurationError {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    func name(_ type: Any.Type) -> String {
      switch type {
      case is Int.Type, is UInt64.Type: "a whole number"
      case is Double.Type: "a number"
      case is Bool.Type: "true or false"
      case is String.Type: "text"
      case is Node.Scalar.Type: "a single value"
      case is Node.Mapping.Type: "a mapping of keys to values"
      default: "a value of type \(type)"
      }
    }
    switch error {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      return .wrongType(path: path(context), expected: name(type))
    case .keyNotFound(let key, let context):
      return .wrongType(path: path(context), expected: "a mapping that has '\(key.stringValue)'")
    case .dataCorrupted(let context):
      return .invalid(path: path(context), reason: context.debugDescription)
    @unknown default: return .malformed(source: "configuration", reason: "\(error)")
    }
  }
}

extension String {
  /// The Levenshtein distance, ignoring case.
  fileprivate func editDistance(to other: String) -> Int {
    let left = Array(lowercased().unicodeScalars)
    let right = Array(other.lowercased().unicodeScalars)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let substitution = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = Swift.min(substitution, diagonal + 1, row[j] + 1)
      }
    }
    return row[right.count]
  }
}
