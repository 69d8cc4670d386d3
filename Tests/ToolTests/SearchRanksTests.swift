import ClozeTestSupport
import Foundation
import Testing

/// A study whose processes a launcher such as mpirun has started; here its variables are set by hand.
@Suite struct SearchRanksTests {
  let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.folder.write(
      """
      model: {layerCount: 1, hiddenSize: 32, headCount: 2, feedForwardSize: 64, positionCount: 64}
      batch: {windowLength: 32, windows: 4, microbatchWindows: 2}
      optimizer: {schedule: {warmupSteps: 2}}
      validation: {windows: 4}
      cadence: {logSteps: 1}
      stop: {steps: 90}
      """, to: "small.yaml")
    try work.folder.write(
      """
      base: small.yaml
      space: {optimizer.learningRate: {from: 1.0e-4, to: 0.1, scale: logarithmic}}
      proposer: evolution
      trials: 9
      lag: 3
      seeds: 2
      """, to: "search.yaml")
  }

  private static let arguments = ["--config", "search.yaml", "--data", "shards", "--output"]

  private func start(_ rank: Int, of count: Int, _ more: String...) throws -> Program {
    try start(rank, of: count, more)
  }

  private func start(_ rank: Int, of count: Int, _ more: [String]) throws -> Program {
    try Program(
      "search", Self.arguments + ["study"] + more,
      setup: "export OMPI_COMM_WORLD_RANK=\(rank) OMPI_COMM_WORLD_SIZE=\(count);", in: work.folder)
  }

  private func run(ranks: Int, _ more: String...) throws -> [Program.Result] {
    let programs = try (0..<ranks).reversed().map { try start($0, of: ranks, more) }
    return try programs.map { try $0.wait() }.reversed()
  }

  private func straight() throws -> Data {
    let result = try Program("search", Self.arguments + ["straight"], in: work.folder).wait()
    try #require(result.status == 0, "\(result.errors)")
    return try work.bytes("straight/trials.jsonl")
  }

  /// All ranks together find what one process finds.
  @Test func theJournalIsThatOfOneProcess() throws {
    let results = try run(ranks: 3)
    #expect(results.allSatisfy { $0.status == 0 }, "\(results.map(\.errors))")
    #expect(try work.bytes("study/trials.jsonl") == straight())
    #expect(results[1].output.isEmpty && results[2].output.isEmpty)
    #expect(results[0].output.contains("of 11 trials came to the end"))
    #expect(!work.exists("study/ranks"))
    #expect(try work.names("study/trials").count == 11)
  }

  /// Workers that are told to stop hand their trials over; a killed study goes on with other ranks.
  @Test func ranksComeAndGo() throws {
    let expected = try straight()
    let (leader, leaving, killed) = (try start(0, of: 3), try start(1, of: 3), try start(2, of: 3))
    func files() -> [String] {
      ((try? work.names("study/ranks")) ?? []).flatMap { (try? work.names("study/ranks/\($0)")) ?? [] }
    }
    // The worker is there, and somebody has something to do.
    func isAtWork() -> Bool {
      let files = files()
      return files.contains("worker-1.json") && files.contains { $0.hasPrefix("task-") }
    }
    while leader.process.isRunning, !isAtWork() { usleep(2000) }
    leaving.process.terminate()
    #expect(try leaving.wait().status == 0)
    for program in [leader, killed] { kill(program.process.processIdentifier, SIGKILL) }
    _ = (try leader.wait(), try killed.wait())
    let results = try run(ranks: 2, "--resume-or-start")
    #expect(results.allSatisfy { $0.status == 0 }, "\(results.map(\.errors))")
    #expect(try work.bytes("study/trials.jsonl") == expected)
  }

  @Test func limitsThatAreMeasured() throws {
    let result = try start(0, of: 2, "--set", "limits.memoryGB=4").wait()
    #expect(result.status == 64, "\(result.errors)")
    #expect(
      result.errors.contains("OMPI_COMM_WORLD_SIZE says that there are 2 processes; set both to 0"),
      "\(result.errors)")
    #expect(!work.exists("study"))
  }

  /// A worker does not take part in another study than its own.
  @Test func aWorkerOfAnotherStudy() throws {
    let leader = try start(0, of: 2)
    let worker = try start(1, of: 2, "--set", "proposer=random")
    let result = try worker.wait()
    #expect(result.status == 65, "\(result.errors)")
    #expect(result.errors.contains("not begun with this 'settings'"))
    leader.process.terminate()
    kill(leader.process.processIdentifier, SIGKILL)
    _ = try leader.wait()
  }
}
