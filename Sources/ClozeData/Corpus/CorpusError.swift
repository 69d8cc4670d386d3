package import ClozeCore

/// A corpus cannot be read as it was asked for.
package enum CorpusError: Failure {
  case noMatch(pattern: String)
  case emptyFolder(path: String)
  case empty(inputs: String)
  case nothingToTrainOn(inputs: String)
  case truncated(path: String)
  case corrupt(path: String, reason: String)
  case windowTooLarge(path: String)
  case invalidUTF8(path: String, offset: Int)
  case notAnObject(path: String, line: Int)
  case missingField(path: String, line: Int, field: String)
  case repeatedField(path: String, line: Int, field: String)
  case lineTooLong(path: String, line: Int, limit: Int)
  case changed(inputs: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .noMatch(let pattern): "\(pattern): no file has such a name; check the path or the pattern"
    case .emptyFolder(let path):
      "\(path): holds no \(CorpusInputs.folderSuffixes.joined(separator: ", ")) file; "
        + "name the files, or a pattern such as '\(path)/*'"
    case .empty(let inputs): "\(inputs): no text in it; give a corpus that has documents"
    case .nothingToTrainOn(let inputs):
      "\(inputs): no words are left for the train split; give more text or lower --validation-rate"
    case .truncated(let path): "\(path): ends in the middle of its compressed data; fetch it again"
    case .corrupt(let path, let reason): "\(path): cannot be inflated (\(reason)); fetch it again"
    case .windowTooLarge(let path):
      "\(path): asks for more memory than its size allows; compress it again without --long and --ultra"
    case .invalidUTF8(let path, let offset):
      "\(path): byte \(offset) is not valid UTF-8; convert the file with iconv, or leave out --strict to replace it"
    case .notAnObject(let path, let line): "\(path):\(line): is not a JSON object; write one object a line"
    case .missingField(let path, let line, let field):
      "\(path):\(line): has no text in the field '\(field)'; correct the line, or name the field with --field"
    case .repeatedField(let path, let line, let field):
      "\(path):\(line): has the field '\(field)' twice; keep one of the two"
    case .lineTooLong(let path, let line, let limit):
      "\(path):\(line): is longer than \(limit >> 20) MiB; split the object into several"
    case .changed(let inputs): "\(inputs): changed between the two passes over it; run again when it rests"
    }
  }
}
