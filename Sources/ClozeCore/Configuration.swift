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
