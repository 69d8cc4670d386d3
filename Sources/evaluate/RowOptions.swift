import ArgumentParser
import ClozeCore
import ClozeData
import Foundation

/// The options that name the labelled rows to score.
struct RowOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Score translations of labelled pairs, source<TAB>target.", valueName: "tsv"))
  var translation: String?

  @Option(
    help: ArgumentHelp(
      "The sources of pairs that lie in two files, one a line.", valueName: "file"))
  var translationSource: String?

  @Option(
    help: ArgumentHelp("Their targets; line i belongs to line i of --translation-source.", valueName: "file"))
  var translationTarget: String?

  @Option(
    help: ArgumentHelp(
      "With --translation: another translator, or a file of translations, one a line; test whether it differs from the model by more than chance.",
      valueName: "path"))
  var against: String?

  @Option(
    help: ArgumentHelp(
      "Score a classifier on texts, label<TAB>text or label<TAB>text<TAB>text.", valueName: "tsv"))
  var classification: String?

  @Option(
    help: ArgumentHelp(
      "Score a tagger on words in columns, the word first and its label last.", valueName: "file"))
  var tagging: String?

  @Flag(help: "Leave out rows that cannot be used, of labelled rows or of JSON lines, and count them.")
  var skipBadRows = false

  @Flag(
    name: [.customLong("strict"), .customLong("strict-pairs")],
    help: "Refuse labelled rows that have anything odd about them, such as texts that are cut.")
  var strict = false

  /// nil if no pairs are named.
  var pairs: PairInput? {
    PairInput(table: translation, source: translationSource, target: translationTarget)
  }

  /// nil if no labels are named.
  var labels: (kind: LabelKind, file: URL)? {
    if let classification { return (.classification, URL(fileURLWithPath: classification)) }
    return tagging.map { (.tagging, URL(fileURLWithPath: $0)) }
  }

  /// The options that name rows, with their values.
  var modes: [(String, String?)] {
    [
      ("--translation", translation ?? translationSource), ("--classification", classification),
      ("--tagging", tagging),
    ]
  }

  mutating func validate() throws {
    guard (translationSource == nil) == (translationTarget == nil) else {
      throw ValidationError("--translation-source and --translation-target go together; give both")
    }
    guard translation == nil || translationSource == nil else {
      throw ValidationError("--translation and --translation-source are given; choose one of them")
    }
    guard pairs != nil || against == nil else {
      throw ValidationError("--against compares translations; add --translation FILE")
    }
    guard pairs != nil || labels != nil || !strict else {
      throw ValidationError("--strict is for labelled rows; add --translation, --classification or --tagging")
    }
  }
}
