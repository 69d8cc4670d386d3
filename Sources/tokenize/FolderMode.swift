import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import Foundation

/// The modes of `tokenize` for an existing data folder: `--verify`, `--repair` and `--inspect`.
enum FolderMode {
  case verify(String)
  case repair(String)
  case inspect(String, document: Int?, split: Split)

  func run(pool: WorkerPool, isQuiet: Bool) throws {
    switch self {
    case .verify(let path): try verify(URL(fileURLWithPath: path), pool: pool, isQuiet: isQuiet)
    case .repair(let path): try repair(URL(fileURLWithPath: path), pool: pool)
    case .inspect(let path, let document, let split):
      let report = try InspectionReport(URL(fileURLWithPath: path), document: document, split: split)
      try StandardOutput.writeLine(report.text)
    }
  }

  /// Prints what was checked, and a line for each problem.
  private func verify(_ folder: URL, pool: WorkerPool, isQuiet: Bool) throws {
    let data = DataFolder(folder)
    let progress = CorpusProgress(totalBytes: data.shardBytes, isQuiet: isQuiet)
    let result = try data.verify(pool: pool) { progress.report("verifying", bytes: $0) }
    progress.finish()
    let quarantined = result.index.map { $0.train.quarantine.count + $0.validation.quarantine.count }
    try StandardOutput.writeLine(
      FigureTable.text([
        ("folder", folder.path),
        ("data", result.identity?.short ?? "-"),
        ("tokenizer", result.index?.tokenizer.short ?? "-"),
        ("shards", Figure.count(result.shards)),
        ("frames", Figure.count(result.frames)),
        ("frames in quarantine", quarantined.map(Figure.count) ?? "-"),
        ("documents", Figure.count(result.documents)),
        ("tokens", Figure.count(result.tokens)),
        ("bytes", Figure.count(result.bytes)),
        ("problems", Figure.count(result.problems.count)),
      ]))
    guard !result.problems.isEmpty else { return }
    for problem in result.problems { Console.error("tokenize: \(PrintableText.escape("\(problem)"))") }
    throw ExitCode(ExitStatus.data.rawValue)
  }

  private func repair(_ folder: URL, pool: WorkerPool) throws {
    let data = DataFolder(folder)
    let repair = try data.withLock { try data.repair(pool: pool) }
    let done = repair.actions.isEmpty ? ["nothing was wrong"] : repair.actions
    let (train, held) = (repair.index.train, repair.index.validation)
    try StandardOutput.writeLine(
      FigureTable.text(
        done.map { ("done", $0) } + [
          ("data", repair.identity.short),
          ("documents", "\(train.documents + held.documents)"),
          ("tokens", "\(train.tokens + held.tokens)"),
          ("frames in quarantine", "\(train.quarantine.count + held.quarantine.count)"),
        ]))
  }
}
