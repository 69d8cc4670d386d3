internal import ClozeCore
internal import Foundation

/// What the ranks of a study tell each other: small files in the folder `ranks` of the study, which all of them share.
///
/// Each file has one writer, who replaces it as a whole. Rank 0, the leader, writes tasks; the others, the workers, take those with
/// their number and write replies. Everyone adds to a beat, by which the others know that it is alive.
struct RankExchange: Sendable {
  /// What the leader says of itself.
  struct Leader: Codable, Sendable {
    /// Of this process; what an earlier one left is in a folder of another name.
    let call: String
    var beat = 0
    /// Whether there are no more tasks: the workers end, and the runs that are not finished save.
    var isEnding = false
    /// What the study is made from, once that is known.
    var identities: [String: String]?
  }

  /// What a worker says of itself.
  struct Worker: Codable, Sendable {
    var beat = 0
    /// Whether it takes no more tasks.
    var hasLeft = false
  }

  /// A trial that a worker is to train to a rung.
  struct Task: Codable, Sendable {
    let proposal: SearchEvent.Proposal
    let rung: Int
    /// The trials that run at once on a rank, which share its processors.
    let atOnce: Int
  }

  enum Reply: Codable, Sendable {
    case outcome(TrialOutcome)
    /// What training threw, with its exit status.
    case failure(String, status: Int32)
  }

  /// How long the ranks wait for each other.
  struct Timing: Sendable {
    /// Between two beats, in seconds.
    var interval = 1.0
    /// Without a new beat for so many seconds a rank is given up. On a network's file system a change may show half a minute late.
    var patience = 120.0
    /// Seconds that the leader waits at the end until the workers have left.
    var farewell = 10.0
    /// Between two looks for tasks and replies, in seconds.
    var look = 0.1
  }

  let folder: URL

  /// - Parameter study: the folder of the study.
  init(study: URL) { folder = study.appendingPathComponent("ranks") }

  private static let leaderName = "leader.json"

  // MARK: Reading

  func leader() -> Leader? { read(folder.appendingPathComponent(RankExchange.leaderName)) }

  /// By rank.
  func workers(of call: String) -> [Int: Worker] {
    var workers: [Int: Worker] = [:]
    for name in names(call) {
      guard let match = name.wholeMatch(of: /worker-([0-9]+)\.json/), let rank = Int(match.output.1) else {
        continue
      }
      workers[rank] = read(folder.appendingPathComponent(call).appendingPathComponent(name))
    }
    return workers
  }

  /// Its tasks, by number.
  func tasks(of rank: Int, call: String, except known: Set<Int>) -> [Int: Task] {
    var tasks: [Int: Task] = [:]
    for name in names(call) {
      guard let match = name.wholeMatch(of: /task-([0-9]+)-([0-9]+)\.json/), Int(match.output.1) == rank,
        let number = Int(match.output.2), !known.contains(number)
      else { continue }
      tasks[number] = read(folder.appendingPathComponent(call).appendingPathComponent(name))
    }
    return tasks
  }

  func reply(to number: Int, from rank: Int, call: String) -> Reply? {
    let name = "reply-\(rank)-\(number).json"
    guard names(call).contains(name) else { return nil }
    return read(folder.appendingPathComponent(call).appendingPathComponent(name))
  }

  /// The files of a call. A folder is listed, since the clients of network file systems remember that a file was not there.
  private func names(_ call: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(call).path)) ?? []
  }

  private func read<Value: Decodable>(_ file: URL) -> Value? {
    (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode(Value.self, from: $0) }
  }

  // MARK: Writing

  /// Removes what an earlier call has left, and begins a call.
  /// - Throws: `FileError`
  func begin(_ leader: Leader) throws {
    remove()
    try Folder.create(folder.appendingPathComponent(leader.call))
    try write(leader)
  }

  func write(_ leader: Leader) throws {
    try write(leader, to: folder.appendingPathComponent(RankExchange.leaderName))
  }

  func write(_ worker: Worker, rank: Int, call: String) throws {
    try write(worker, to: folder.appendingPathComponent("\(call)/worker-\(rank).json"))
  }

  func write(_ task: Task, number: Int, to rank: Int, call: String) throws {
    try write(task, to: folder.appendingPathComponent("\(call)/task-\(rank)-\(number).json"))
  }

  func write(_ reply: Reply, to number: Int, from rank: Int, call: String) throws {
    try write(reply, to: folder.appendingPathComponent("\(call)/reply-\(rank)-\(number).json"))
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  private func write(_ value: some Encodable, to file: URL) throws {
    try AtomicFile.write(try JSONEncoder().encode(value), to: file)
  }
}

/// When another rank's beat last changed, as seen here: the clocks of machines differ.
struct Pulse {
  private var beat: Int?
  private var changed = ContinuousClock.now
  /// Whether it has changed since it was first seen: what a killed process left does not.
  private(set) var isAlive = false

  mutating func take(_ beat: Int?) {
    guard let beat, beat != self.beat else { return }
    isAlive = self.beat != nil
    (self.beat, changed) = (beat, .now)
  }

  func isLost(after seconds: Double) -> Bool { ContinuousClock.now - changed > .seconds(seconds) }
}
