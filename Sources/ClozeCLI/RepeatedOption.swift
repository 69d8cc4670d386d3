internal import ArgumentParser
internal import Foundation

/// Refuses options with one value that are given twice. The parser would silently use the last value.
enum RepeatedOption {
  /// The parser's description of a command's arguments.
  private struct ToolInfo: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let kind: String
        let name: String
      }

      let kind: String
      let isRepeating: Bool
      let names: [Name]?
    }

    struct Command: Decodable {
      let arguments: [Argument]?
    }

    let command: Command
  }

  /// - Throws: `ValidationError` with both values
  static func refuse(in arguments: some Sequence<String>, of command: any ParsableCommand.Type) throws {
    let info = try JSONDecoder().decode(ToolInfo.self, from: Data(command._dumpHelp().utf8))
    let single = (info.command.arguments ?? []).filter { $0.kind == "option" && !$0.isRepeating }
    let names = Set(single.flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map { "--" + $0.name })
    var given: [String: String] = [:]
    var open: String?
    for argument in arguments.prefix(while: { $0 != "--" }) {
      if let name = open {
        given[name] = argument
        open = nil
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard names.contains(parts[0]) else { continue }
      let name = parts[0]
      if let first = given[name] {
        throw ValidationError("\(name) is given twice, first as '\(first)'; give it once")
      }
      given[name] = parts.count > 1 ? parts[1] : ""
      open = parts.count > 1 ? nil : name
    }
  }
}
