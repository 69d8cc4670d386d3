import ArgumentParser
import ClozeCLI
import ClozeData

/// The options of `tokenize` for an existing data folder.
struct FolderOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Check a data folder, and say what is wrong.", valueName: "folder"))
  var verify: String?

  @Option(name: .long, help: ArgumentHelp("Mend a data folder.", valueName: "folder"))
  var repair: String?

  @Option(name: .long, help: ArgumentHelp("Show a data folder, or one document of it.", valueName: "folder"))
  var inspect: String?

  @Option(name: .long, help: "With --inspect and a number: the document's split, train or validation.")
  var split: Split?

  /// Refuses options that say how text is tokenized.
  /// - Throws: `ValidationError`
  static func refuseOthers() throws {
    let given = GivenOptions()
    let own: Set = ["--verify", "--repair", "--inspect", "--split", "--workers", "--quiet"]
    try given.refuse(Set(given.names).subtracting(own), "for text that is tokenized, and here is none")
  }

  /// The chosen mode; nil if text is to be tokenized.
  /// - Parameters:
  ///   - inputs: the arguments of the tool; with `--inspect`, the number of a document.
  ///   - output: the value of `--output`, which must not be given with these options.
  /// - Throws: `ValidationError`
  func mode(inputs: [String], output: String?) throws -> FolderMode? {
    let given = [("--verify", verify), ("--repair", repair), ("--inspect", inspect)]
      .filter { $0.1 != nil }.map(\.0)
    guard given.count <= 1 else {
      throw ValidationError("\(given.joined(separator: " and ")) are given; choose one of them")
    }
    guard split == nil || inspect != nil else {
      throw ValidationError("--split chooses the split of a document; add --inspect FOLDER N")
    }
    guard let mode = given.first else { return nil }
    guard output == nil else {
      throw ValidationError("\(mode) writes no new data folder; leave out --output")
    }
    if let inspect {
      guard inputs.count <= 1, inputs.first.map({ Int($0) ?? -1 >= 0 }) ?? true else {
        throw ValidationError("--inspect \(inspect) takes one document's number; choose 0 or more")
      }
      guard split == nil || !inputs.isEmpty else {
        throw ValidationError("--split chooses the split of a document; add its number")
      }
      return .inspect(inspect, document: inputs.first.flatMap { Int($0) }, split: split ?? .train)
    }
    guard inputs.isEmpty else { throw ValidationError("\(mode) takes no text; leave out \(inputs[0])") }
    return verify.map(FolderMode.verify) ?? repair.map(FolderMode.repair)
  }
}
