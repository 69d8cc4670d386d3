internal import ArgumentParser

/// Refuses empty values: an unset variable of the shell would name the current directory.
enum EmptyArgument {
  /// - Throws: `ValidationError` with the option's name
  static func refuse(in arguments: some Sequence<String>) throws {
    var option: String?
    for argument in arguments.prefix(while: { $0 != "--" }) {
      if argument.hasPrefix("--"), argument.firstIndex(of: "=") == argument.indices.last {
        throw ValidationError("\(argument.dropLast()) is empty; give it a value")
      }
      if argument.isEmpty { throw ValidationError("\(option ?? "an argument") is empty; give it a value") }
      option = argument.hasPrefix("--") ? argument : nil
    }
  }
}
