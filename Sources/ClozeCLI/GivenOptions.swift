internal import ArgumentParser

/// The options on the command line. The parser does not tell an option with its default from one that was not given.
package struct GivenOptions {
  /// Such as `--beam`, in their order.
  package let names: [String]

  package init(_ arguments: some Sequence<String> = CommandLine.arguments.dropFirst()) {
    names = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map {
      String($0.prefix { $0 != "=" })
    }
  }

  /// Refuses options that would do nothing.
  ///
  /// - Parameters:
  ///   - others: the options of other modes.
  ///   - use: what they are for, such as `for --translation`.
  /// - Throws: `ValidationError`
  package func refuse(_ others: Set<String>, _ use: String) throws {
    guard let name = names.first(where: others.contains) else { return }
    throw ValidationError("\(name) is \(use); leave it out")
  }
}
