package import ArgumentParser

/// The option --freeze: the parts of a model that training does not change.
package struct FreezeOption: ParsableArguments {
  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Leave a part as it is: embeddings, encoder, decoder or layers:0-3, counted from the bottom; may be repeated, or several with commas. The setting optimizer.freeze.",
      valueName: "part"))
  package var freeze: [String] = []

  package init() {}

  /// The option as an override of the settings.
  package var overrides: [String] {
    freeze.isEmpty ? [] : ["optimizer.freeze=" + freeze.joined(separator: ",")]
  }
}
