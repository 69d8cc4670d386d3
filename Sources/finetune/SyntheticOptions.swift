import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeStudies
import Foundation

/// The options for synthetic pairs, and what --synthetic prints.
struct SyntheticOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Train on these synthetic pairs of augment first, and keep them only if that is better than training without.",
      valueName: "file"))
  var synthetic: String?

  @Option(
    help: ArgumentHelp(
      "Learn from these samples of --model by policy gradient as well; augment --sample draws them, and augment --discriminate --keep 1 gives their rewards.",
      valueName: "file"))
  var rewards: String?

  var file: URL? { synthetic.map { URL(fileURLWithPath: $0) } }
  var rewardFile: URL? { rewards.map { URL(fileURLWithPath: $0) } }

  func table(_ verdict: SyntheticVerdict, output: URL) -> Table {
    func interval(_ values: [Double]) -> String {
      "[" + values.map { Figure.decimal($0, 2) }.joined(separator: ", ") + "]"
    }
    var table = Table()
    for score in verdict.scores {
      table.add(
        score.name,
        "control \(Figure.decimal(score.control, 2)) \(interval(score.controlInterval)), synthetic "
          + "\(Figure.decimal(score.synthetic, 2)) \(interval(score.syntheticInterval)), difference "
          + "\(Figure.decimal(score.difference, 2)) \(interval(score.differenceInterval)), p "
          + "\(Figure.decimal(score.bootstrapP, 3)) and \(Figure.decimal(score.randomizationP, 3))")
    }
    table.add("verdict", verdict.sentence)
    table.add("model", output.appendingPathComponent("best").path)
    return table
  }
}
