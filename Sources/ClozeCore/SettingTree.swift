/// A part of a settings file whose keys are not fixed, such as the space of a search.
package indirect enum SettingTree: Codable, Sendable, Equatable {
  /// Also what is not there: an empty text.
  case scalar(String)
  case list([SettingTree])
  /// In the order of the file.
  case mapping([(key: String, value: SettingTree)])

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: Key.self) {
      self = .mapping(
        try container.allKeys.map { ($0.stringValue, try container.decode(SettingTree.self, forKey: $0)) })
    } else if var container = try? decoder.unkeyedContainer() {
      var values: [SettingTree] = []
      while !container.isAtEnd { values.append(try container.decode(SettingTree.self)) }
      self = .list(values)
    } else {
      let container = try decoder.singleValueContainer()
      self = .scalar(container.decodeNil() ? "" : try container.decode(String.self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    switch self {
    case .scalar(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .list(let values):
      var container = encoder.unkeyedContainer()
      for value in values { try container.encode(value) }
    case .mapping(let pairs):
      var container = encoder.container(keyedBy: Key.self)
      for (key, value) in pairs { try container.encode(value, forKey: Key(stringValue: key)) }
    }
  }

  package static func == (left: SettingTree, right: SettingTree) -> Bool {
    switch (left, right) {
    case (.scalar(let left), .scalar(let right)): left == right
    case (.list(let left), .list(let right)): left == right
    case (.mapping(let left), .mapping(let right)):
      left.count == right.count
        && zip(left, right).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    default: false
    }
  }

  /// The settings of a mapping as `key=value`, each with its full path.
  ///
  /// - Returns: nil if a value is a list, which no setting is.
  package var overrides: [String]? {
    var overrides: [String] = []
    func visit(_ tree: SettingTree, _ path: [String]) -> Bool {
      switch tree {
      case .scalar(let text):
        overrides.append(SettingTree.override(path.joined(separator: "."), text))
        return true
      case .list: return false
      case .mapping(let pairs): return pairs.allSatisfy { visit($0.value, path + [$0.key]) }
      }
    }
    return visit(self, []) ? overrides : nil
  }

  /// `key=value`, with quotes where YAML would read more than a plain text.
  package static func override(_ key: String, _ value: String) -> String {
    let isPlain = value.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || "._+-/".contains(
          Character($0))
    }
    return "\(key)=" + (isPlain ? value : "'\(value.replacing("'", with: "''"))'")
  }
}
