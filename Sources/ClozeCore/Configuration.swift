package import Foundation
internal import Yams

/// The settings of a tool: nested `Codable` structs whose stored properties have default values.
///
/// Every property is encoded, so the encoded defaults are the list of all valid keys. "No limit" is 0 and never `nil`,
/// because a property that is nil would not be in this list.
package protocol Configuration: Codable, Sendable {
  init()
  /// Checks what the types cannot express; changes nothing.
  /// - Throws: `ConfigurationError`
  func validate() throws
}

/// A wrong settings file or `--set` option.
package enum ConfigurationError: Failure {
  case malformed(source: String, reason: String)
  case unknownKey(source: String, path: String, nearest: String?)
  case wrongType(path: String, expected: String)
  case invalid(path: String, reason: String)

  package var exitStatus: ExitStatus { .usage }

  package var description: String {
    switch self {
    case .malformed(let source, let reason): "\(source): \(reason); correct it"
    case .unknownKey(let source, let path, let nearest):
      "\(source): unknown key '\(path)'; "
        + (nearest.map { "did you mean '\($0)'?" } ?? "see the commented configs/ for the valid keys")
    case .wrongType(let path, let expected): "\(path): has the wrong type; write \(expected)"
    case .invalid(let path, let reason): "\(path): \(reason)"
    }
  }
}

extension ConfigurationError {
  /// The same error of settings that are a section of others.
  package func inSection(_ section: String) -> ConfigurationError {
    func path(_ path: String) -> String { path.isEmpty ? section : "\(section).\(path)" }
    return switch self {
    case .malformed: self
    case .unknownKey(let source, let key, let nearest):
      .unknownKey(source: source, path: path(key), nearest: nearest.map(path))
    case .wrongType(let key, let expected): .wrongType(path: path(key), expected: expected)
    case .invalid(let key, let reason): .invalid(path: path(key), reason: reason)
    }
  }
}

/// Checks settings one by one, and names one that is wrong by its full path.
package struct SettingsCheck {
  private let prefix: String

  /// - Parameter section: where the settings are; empty for those of the file's first level.
  package init(_ section: String = "") { prefix = section.isEmpty ? "" : section + "." }

  /// - Parameter reason: what the setting is, and what to choose.
  /// - Throws: `ConfigurationError.invalid`
  package func callAsFunction(_ holds: Bool, _ key: String, _ reason: @autoclosure () -> String) throws {
    guard holds else { throw ConfigurationError.invalid(path: prefix + key, reason: reason()) }
  }

  /// - Throws: `ConfigurationError.invalid`
  package func callAsFunction(_ value: Int, in range: ClosedRange<Int>, _ key: String) throws {
    try self(range.contains(value), key, "is \(value); choose \(range.lowerBound) to \(range.upperBound)")
  }

  /// - Throws: `ConfigurationError.invalid`
  package func callAsFunction(rate: Double, _ key: String) throws {
    try self(rate >= 0 && rate < 1, key, "is \(rate); choose a rate in 0 ..< 1")
  }
}

extension Configuration {
  /// Merges, in this order: the defaults, the YAML file, each `key=value` of `overrides`.
  ///
  /// - Parameter defaults: defaults that are others here, as `key=value`.
  /// - Throws: `ConfigurationError`, `FileError`
  package static func load(file: URL?, overrides: [String], defaults: [String] = []) throws -> Self {
    var merged = try ConfigurationTree(encoding: Self())
    for setting in defaults { try merged.set(setting) }
    if let file {
      let data = try Data(textFile: file)
      guard data.count <= ConfigurationTree.largestFile else {
        throw ConfigurationError.malformed(
          source: file.path,
          reason: "has \(Figure.bytes(data.count)) where settings have a few thousand bytes")
      }
      guard let text = String(validating: data, as: UTF8.self) else {
        throw ConfigurationError.malformed(source: file.path, reason: "is not UTF-8")
      }
      try merged.merge(yaml: text, source: file.path)
    }
    return try merged.configuration(overrides)
  }

  /// These settings with each `key=value` of `overrides`, checked.
  /// - Throws: `ConfigurationError`
  package func with(_ overrides: [String]) throws -> Self {
    try ConfigurationTree(encoding: self).configuration(overrides)
  }

  /// Every single setting: the path of its key, and its value as text.
  package func leaves() throws -> [String: String] { try ConfigurationTree(encoding: self).leaves }

  /// All settings as YAML, with keys in the order of declaration.
  package func yaml() throws -> String {
    let encoder = YAMLEncoder()
    encoder.options.allowUnicode = true
    guard let tree = try Yams.compose(yaml: encoder.encode(self)) else {
      preconditionFailure("a configuration encodes to an empty document")
    }
    return try Yams.serialize(node: tree.withShortestNumbers(), allowUnicode: true)
  }
}

extension Node {
  /// The same tree with short decimals: 0.1 and 1e-12, where Yams writes 1e-1 and 9.9999999999999998e-13.
  fileprivate func withShortestNumbers() -> Node {
    switch self {
    case .mapping(var mapping):
      for (key, value) in mapping { mapping[key] = value.withShortestNumbers() }
      return .mapping(mapping)
    case .sequence(var sequence):
      for index in sequence.indices { sequence[index] = sequence[index].withShortestNumbers() }
      return .sequence(sequence)
    case .scalar(let scalar) where scalar.style == .plain && tag.rawValue == Tag.Name.float.rawValue:
      return float.map { Node("\($0)", Tag(.float)) } ?? self
    default:
      return self
    }
  }
}

/// Settings that are changed many times: `Configuration.with`, without writing them as text each time.
package final class ConfigurationTemplate<Settings: Configuration>: Sendable {
  private let tree: Guarded<ConfigurationTree>

  package init(_ settings: Settings) throws { tree = Guarded(try ConfigurationTree(encoding: settings)) }

  /// The settings with each `key=value` of `overrides`, checked.
  /// - Throws: `ConfigurationError`
  package func with(_ overrides: [String]) throws -> Settings {
    try tree.withLock { try $0.configuration(overrides) }
  }
}

/// A configuration as a tree of YAML nodes whose keys are exactly the valid ones.
private struct ConfigurationTree {
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
