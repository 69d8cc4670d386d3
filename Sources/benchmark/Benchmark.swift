import ArgumentParser
import ClozeCLI
import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import ClozeTraining
import Foundation

@main
struct Benchmark: Tool {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measure training against what the machine's matrix units can do.",
    discussion: """
      Prints the machine's matrix rate through oneDNN, measured now, and for each case tokens a second, useful operations \
      a second, their share of the matrix rate, and where a step's time goes. Nothing else should run meanwhile.

      Example:
        benchmark --case 4x256 --case 4x256-dropout --profile
      """)

  @OptionGroup var common: CommonOptions

  @Option(
    name: .customLong("case"), parsing: .singleValue,
    help: ArgumentHelp(
      "A case to run; may be repeated, all where none is named: "
        + PretrainingCase.all.map(\.name).joined(separator: ", ") + ".",
      valueName: "name"))
  var cases: [String] = []

  @Option(
    help: ArgumentHelp(
      "Fine-tune on these pairs, too: source<TAB>target; needs --tokenizer.", valueName: "tsv"))
  var pairs: String?

  @Option(help: ArgumentHelp("Whose tokenizer to read the pairs with.", valueName: "folder"))
  var tokenizer: String?

  @Option(help: "Seconds to step in each case.")
  var seconds = 10.0

  @Option(help: "Threads; 0 for one a core.")
  var workers = 0

  @Flag(help: "Print where a step's time goes.")
  var profile = false

  @Option(help: ArgumentHelp("Write the figures here, too, as JSON.", valueName: "file"))
  var json: String?

  @Option(
    help: ArgumentHelp(
      "Measure nothing, and write the windows of 128 tokens that pretrain reads from these shards to --windows: 32-bit ids.",
      valueName: "folder"))
  var data: String?

  @Option(help: ArgumentHelp("The file to write; needs --data.", valueName: "file"))
  var windows: String?

  @Option(help: "Windows to write, in the order of the run.")
  var count = 100_000

  @Option(help: "The seed of the run whose windows are written.")
  var seed = 1

  mutating func validate() throws {
    let names = PretrainingCase.all.map(\.name)
    for name in cases where !names.contains(name) {
      throw ValidationError("--case \(name): is none; choose from \(names.joined(separator: ", "))")
    }
    guard (pairs == nil) == (tokenizer == nil) else {
      throw ValidationError("--pairs and --tokenizer go together; give both or none")
    }
    guard seconds > 0, seconds.isFinite else {
      throw ValidationError("--seconds is \(seconds); choose more than 0")
    }
    guard (data == nil) == (windows == nil) else {
      throw ValidationError("--data and --windows go together; give both or none")
    }
    guard (1...1 << 24).contains(count) else {
      throw ValidationError("--count is \(count); choose 1 to \(1 << 24)")
    }
    guard seed >= 0 else { throw ValidationError("--seed is \(seed); choose 0 or more") }
    guard (0...1024).contains(workers) else {
      throw ValidationError("--workers is \(workers); choose 0 to 1024")
    }
  }

  mutating func execute() throws {
    if let json { try FileError.refuseExisting(json) }
    if let data, let windows {
      try FileError.refuseExisting(windows)
      let file = WindowsFile(data: URL(fileURLWithPath: data), windowLength: 128, seed: seed, count: count)
      return try file.write(to: URL(fileURLWithPath: windows))
    }
    let progress = ProgressLine(quiet: common.quiet)
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("cloze-benchmark-\(getpid())")
    try Folder.create(scratch)
    defer { try? FileManager.default.removeItem(at: scratch) }

    var report = BenchmarkReport(workers: WorkerGroup(count: workers).count)
    for type in [ElementType.float32, .bfloat16] where type == .float32 || Processor.multipliesBFloat16 {
      progress.update("matrix rate, \(type)")
      report.matrixRates["\(type)"] = MatrixRate.best(type: type, workers: report.workers)
    }
    try StandardOutput.write(report.heading)
    for item in PretrainingCase.all where cases.isEmpty || cases.contains(item.name) {
      progress.update(item.name)
      ProcessMemory.resetPeak()
      try show(item.run(seconds: seconds, workers: workers, scratch: scratch), in: &report)
    }
    if let pairs, let tokenizer {
      ProcessMemory.resetPeak()
      let item = FinetuningCase(
        pairs: try TranslationPairs(.table(URL(fileURLWithPath: pairs))),
        tokenizer: try Tokenizer(URL(fileURLWithPath: tokenizer)))
      try show(item.run(seconds: seconds, workers: workers), in: &report)
    }
    if let json { try AtomicFile.write(report.json(), to: URL(fileURLWithPath: json)) }
  }
}

extension Benchmark {
  private func show(_ timing: TrainingTiming, in report: inout BenchmarkReport) throws {
    report.training.append(timing)
    try StandardOutput.write(report.row(timing) + (profile ? report.breakdown(timing) : ""))
  }
}

extension MatrixRate {
  /// Products of an encoder's sizes, from 4 x 256 to 12 x 768.
  private static let shapes = [
    Shape(m: 4096, n: 256, k: 256), Shape(m: 4096, n: 1024, k: 256), Shape(m: 2048, n: 3072, k: 768),
  ]

  /// Operations a second of all workers side by side, at the shape that runs best.
  fileprivate static func best(type: ElementType, workers: Int) -> Double {
    let group = WorkerGroup(count: workers)
    return shapes.map { shape in
      let rates = UnsafeMutableBufferPointer<Double>.allocate(capacity: workers)
      defer { rates.deallocate() }
      nonisolated(unsafe) let results = rates
      group.forEach(workers) { results[$0] = measure(shape, type: type, seconds: 1) }
      return rates.reduce(0, +)
    }.max() ?? 0
  }
}
