package import ClozeCore

/// A search that cannot be made.
package enum SearchError: Failure {
  case studyExists(path: String)
  case nothingToResume(path: String)
  case inUse(path: String, process: Int?)
  case otherStudy(path: String, what: String)
  case damagedJournal(path: String, line: Int)
  case noTime(minutes: Double, needed: String)
  case nothingAllowed(reason: String)
  case baseFailed(reason: String)
  case noLeader(path: String, LaunchedRank)
  case leaderLost(path: String, seconds: Int)
  case rankFailed(rank: Int, message: String, status: Int32)

  package var exitStatus: ExitStatus {
    switch self {
    case .damagedJournal, .otherStudy, .baseFailed: .data
    case .inUse, .noLeader, .leaderLost: .inputOutput
    case .rankFailed(_, _, let status): ExitStatus(rawValue: status) ?? .software
    default: .usage
    }
  }

  package var description: String {
    switch self {
    case .studyExists(let path):
      "\(path): already holds a study; add --resume to continue it, or choose another --output"
    case .nothingToResume(let path):
      "\(path): holds no study to resume; check --output, leave out --resume, or write --resume-or-start"
    case .inUse(let path, let process):
      "\(path): another process\(process.map { " (\($0))" } ?? "") writes there; wait for it, or choose another --output"
    case .otherStudy(let path, let what):
      "\(path): the study there was not begun with this '\(what)'; resume with what it was begun with, or choose another --output"
    case .damagedJournal(let path, let line):
      "\(path): line \(line) does not follow from those before it, or was changed; restore the file from a copy, or begin another study"
    case .noTime(let minutes, let needed):
      "minutes: is \(Figure.decimal(minutes, 1)), and the smallest study takes about \(needed); raise it, lower base's "
        + "stop.steps or seeds, or give trials"
    case .nothingAllowed(let reason):
      "space: not one of 500 random points of it is allowed, the last one since \(reason); widen the space or the limits"
    case .noLeader(let path, let launched):
      "\(path): rank \(launched.rank) of \(launched.count) finds no rank 0 at work there; start all with one --output, on a disk "
        + "that they share, or unset \(launched.variable) for a process of its own"
    case .leaderLost(let path, let seconds):
      "\(path): rank 0 has not answered for \(seconds) seconds; start all ranks again with --resume-or-start"
    case .rankFailed(let rank, let message, _): "rank \(rank): \(message)"
    case .baseFailed(let reason):
      "base: its run failed: \(reason); a study compares with it, so change base"
    }
  }
}
