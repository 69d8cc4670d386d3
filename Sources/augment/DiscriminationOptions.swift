import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeStudies
import ClozeTraining
import Foundation

/// The options of --discriminate, and the mode itself.
struct DiscriminationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Synthetic pairs of augment to choose among.", valueName: "file"))
  var discriminate: String?

  @Option(help: ArgumentHelp("With --discriminate: real pairs, source<TAB>target.", valueName: "file"))
  var train: String?

  @Option(
    help: ArgumentHelp(
      "With --discriminate: the pretrained model that the classifiers start from, or its run folder.",
      valueName: "folder"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "With --discriminate: the share of the pairs to keep. Default 0.5.", valueName: "share"))
  var keep: Double?

  @Option(
    help: ArgumentHelp(
      "With --discriminate: classifiers, each of which scores the pairs that it has not seen. Default 2.",
      valueName: "n"))
  var folds: Int?

  mutating func validate() throws {
    guard discriminate != nil else {
      guard train == nil, model == nil, keep == nil, folds == nil else {
        throw ValidationError("--train, --model, --keep and --folds are options of --discriminate; add it")
      }
      return
    }
    guard train != nil, model != nil else {
      throw ValidationError(
        "--discriminate needs --train FILE with real pairs, and --model FOLDER to start from")
    }
    guard keep.map({ $0 > 0 && $0 <= 1 }) ?? true else {
      throw ValidationError("--keep is \(keep ?? 0); choose a share above 0, at most 1")
    }
    guard folds.map({ (2...20).contains($0) }) ?? true else {
      throw ValidationError("--folds is \(folds ?? 0); choose 2 to 20")
    }
  }

  func run(
    _ settings: LabelConfiguration, output: URL, resumes: Bool, progress: ProgressLine
  ) throws {
    let file = URL(fileURLWithPath: discriminate ?? "")
    let synthetic = try SyntheticPairs(file, tokenizer: nil)
    let real = try TranslationPairs(.table(URL(fileURLWithPath: train ?? "")))
    let start = try RunFolder.model(at: URL(fileURLWithPath: model ?? "")) { progress.warning("\($0)") }
    let discriminator = try Discriminator(
      synthetic: synthetic, path: file.path, real: real.pairs, settings: settings, model: start,
      folds: folds ?? 2, keep: keep ?? 0.5)
    var manifest = synthetic.manifest.settings
    manifest.origin = "discriminated back-translation"
    manifest.discriminator = try SyntheticManifest.DiscriminatorSettings(
      file: synthetic.manifest.file.digest, pairs: real.digest, start: ModelArchive.weightsDigest(start),
      settings: settings.resultDigest, folds: discriminator.folds, keep: keep ?? 0.5)
    let targets = synthetic.rows.map(\.pair.target)
    let runs = URL(fileURLWithPath: output.path + ".folds")
    if let finished = try SyntheticFile.finished(
      output, settings: manifest, resumes: resumes, text: { Digest(of: targets.map { $0 + "\n" }.joined()) })
    {
      progress.line("\(output.path): an earlier call has finished it")
      try? FileManager.default.removeItem(at: runs)
      return try StandardOutput.writeLine(table(finished, output: output).text)
    }
    try discriminator.check(in: runs)
    let chosen = try SyntheticFile(output, settings: manifest, resumes: resumes)
    let interruption = Interruption()
    let scores = try discriminator.run(
      in: runs, resume: resumes ? .ifPresent : .never, isInterrupted: { interruption.isRequested },
      report: { progress.show($0) })
    guard let scores else { throw interruption.exitCode }
    // An earlier call may have been killed between the rows and the name of the file.
    if chosen.counts.lines == 0 {
      try chosen.append(targets, discriminator.rows(scores))
    } else {
      chosen.skip(targets)
      try chosen.checkSkipped()
    }
    progress.clear()
    var table = table(try chosen.finish(), output: output)
    try? FileManager.default.removeItem(at: runs)
    table.add("told apart", Figure.percent(scores.accuracy) + " of unseen pairs; 50 % is chance")
    table.add(
      "probability of real",
      "real pairs \(Figure.decimal(scores.meanReal, 3)), synthetic ones \(Figure.decimal(scores.meanSynthetic, 3))"
    )
    try StandardOutput.writeLine(table.text)
  }

  private func table(_ manifest: SyntheticManifest, output: URL) -> Table {
    var table = Table()
    table.add("synthetic pairs", Figure.count(manifest.counts.lines))
    table.add("kept", Figure.count(manifest.counts.pairs))
    table.add("output", output.path)
    return table
  }
}
