internal import Yams

extension Configuration {
  /// The settings that another configuration has otherwise, each as `key.path: value there, value here`.
  package func differences(from other: Self) throws -> [String] {
    let here = try settings()
    return try zip(other.settings(), here).filter { $0.value != $1.value }.map {
      "\($0.path): \($0.value) there, \($1.value) here"
    }
  }

  /// All settings by their full paths, in the order of declaration.
  private func settings() throws -> [(path: String, value: String)] {
    func leaves(_ node: Node, _ path: [String]) throws -> [(path: String, value: String)] {
      guard case .mapping(let mapping) = node else {
        let value = try node.string ?? Yams.serialize(node: node)
        return [(path.joined(separator: "."), value.isEmpty ? "nothing" : value)]
      }
      return try mapping.flatMap { try leaves($1, path + [$0.string ?? ""]) }
    }
    return try Yams.compose(yaml: yaml()).map { try leaves($0, []) } ?? []
  }
}
