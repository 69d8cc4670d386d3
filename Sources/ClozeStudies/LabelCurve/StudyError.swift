package import ClozeCore

/// A label curve that cannot be made.
package enum StudyError: Failure {
  case size(text: String)
  case sizesDescend(first: Int, second: Int)
  case tooLarge(size: Int, path: String, rows: Int)
  case studyExists(path: String)
  case nothingToResume(path: String)
  case otherStudy(path: String, what: String, expected: String, found: String)
  case damagedStudy(path: String)
  case damagedScore(path: String)
  case inUse(path: String, process: Int?)

  package var exitStatus: ExitStatus {
    switch self {
    case .damagedStudy, .damagedScore, .otherStudy, .tooLarge: .data
    case .inUse: .inputOutput
    default: .usage
    }
  }

  package var description: String {
    switch self {
    case .size(let text):
      "--label-curve: '\(text)' is no number of rows; write ascending numbers such as 500,2000,all"
    case .sizesDescend(let first, let second):
      "--label-curve: \(second) comes after \(first); write the numbers of rows in ascending order"
    case .tooLarge(let size, let path, let rows):
      "--label-curve: \(Figure.count(size)) is more than the \(Figure.count(rows)) rows of \(path); write all for all of them"
    case .studyExists(let path):
      "\(path): already holds a study; add --resume to continue it, or choose another --output"
    case .nothingToResume(let path):
      "\(path): holds no study to resume; check --output, leave out --resume, or write --resume-or-start"
    case .otherStudy(let path, let what, let expected, let found):
      "\(path): the study there was not started with this '\(what)' (\(found.prefix(60)), now \(expected.prefix(60))); resume "
        + "with what it was started with, or choose another --output"
    case .damagedStudy(let path):
      "\(path): does not say what the study was made from; restore the file from a copy, or choose another --output"
    case .damagedScore(let path):
      "\(path): is not the score of a run; delete the file, and the run is made again"
    case .inUse(let path, let process):
      "\(path): another process\(process.map { " (\($0))" } ?? "") writes there; wait for it, or choose another --output"
    }
  }
}
