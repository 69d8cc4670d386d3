package import ClozeCore

/// A corpus that cannot be read.
package enum CorpusError: Failure {
  case noMatch(pattern: String)
  case unreadablePattern(pattern: String)
  case emptyFolder(path: String)
  case outputFolder(path: String)
  case pipe(path: String)
  case danglingLink(path: String)
  case unreadableName(folder: String, name: String)
  case empty(inputs: String)
  case nothingToTrainOn(inputs: String, shape: CorpusShape)
  case truncated(path: String)
  case corrupt(path: String, reason: String)
  case windowTooLarge(path: String)
  case packedTooOften(path: String)
  case foreign(path: String, content: String, mend: String, isPacked: Bool)
  case binary(path: String, few: Bool)
  case unmarked(path: String, encoding: String, canChoose: Bool)
  case unknownEncoding(path: String, encoding: String)
  case invalidText(InvalidPlace)
  /// More invalid bytes than occur by accident.
  case otherEncoding(InvalidPlace, count: Int, guess: String?)
  case array(path: String)
  case spreadObjects(path: String)
  case notAnObject(path: String, line: Int, kind: String)
  case malformedObject(path: String, line: Int, column: Int, reason: String)
  case missingField(path: String, line: Int, field: String)
  case repeatedField(path: String, line: Int, field: String)
  case lineTooLong(path: String, line: Int, limit: Int)
  case changed(inputs: String)

  package var exitStatus: ExitStatus {
    if case .unreadablePattern = self { .inputOutput } else { .data }
  }

  package var description: String {
    switch self {
    case .noMatch(let pattern): "\(pattern): no file has such a name; check the path or the pattern"
    case .unreadablePattern(let pattern):
      "\(pattern): a folder of the pattern cannot be read; check its permissions"
    case .emptyFolder(let path):
      "\(path): holds no \(FolderWalk.textSuffixes.joined(separator: ", ")) file, nor one with .gz or .zst after that; "
        + "name the files, or a pattern such as '\(path)/*'"
    case .outputFolder(let path):
      "\(path): is the output folder, which is left out; name its files, or choose another --output"
    case .pipe(let path):
      "\(path): is a pipe or a device, and the text is read more than once; write it into a file"
    case .danglingLink(let path):
      "\(path): is a link to a file that does not exist; correct the link or remove it"
    case .unreadableName(let folder, let name):
      "\(folder): holds a name that is not UTF-8, '\(name)'; rename it"
    case .empty(let inputs): "\(inputs): no text in it; give a corpus that has documents"
    case .nothingToTrainOn(let inputs, let shape):
      "\(inputs): no words are left for the train split; "
        + (shape.undividedFiles > 0 ? "make a document of every line with --documents lines, " : "")
        + "give more text or lower --validation-rate"
    case .truncated(let path): "\(path): ends in the middle of its compressed data; fetch it again"
    case .corrupt(let path, let reason): "\(path): cannot be inflated (\(reason)); fetch it again"
    case .windowTooLarge(let path):
      "\(path): asks for more memory than its size allows; compress it again without --long and --ultra"
    case .packedTooOften(let path): "\(path): is compressed several times over; unpack it first"
    case .foreign(let path, let content, let mend, let isPacked):
      "\(path): is \(content)\(isPacked ? " within compressed data" : ""), which is not read as text; "
        + (isPacked && !content.contains("tar") ? "unpack it, then " : "")
        + mend.replacing("FILE", with: CorpusError.quoted(path))
    case .binary(let path, few: false):
      "\(path): is not text: it has NUL or other control characters; give the text itself, or leave this file out"
    case .binary(let path, few: true):
      "\(path): has NUL or other control characters, which text does not have; give text, or remove them: "
        + "tr -d '\\000-\\010\\016-\\037' < \(CorpusError.quoted(path)) > \(CorpusError.quoted(path + ".txt"))"
    default: textDescription
    }
  }

  /// The messages about the bytes and lines of a text.
  private var textDescription: String {
    switch self {
    case .unmarked(let path, let encoding, let canChoose):
      "\(path): looks like \(encoding) without a byte-order mark; "
        + CorpusError.reading(path, in: encoding, canChoose: canChoose)
    case .unknownEncoding(let path, let encoding):
      "\(path): cannot be converted from \(encoding), which this system's iconv does not know; "
        + "install its tables (libc-bin, libc6 or libc-gconv-modules-extra), or convert the file elsewhere"
    case .invalidText(let place):
      "\(place); name the encoding with --encoding, or leave out --strict to replace what is invalid"
    case .otherEncoding(let place, let count, let guess):
      "\(place), the first of \(count) such bytes, more than 1 in \(Figure.count(InvalidBytes.ordinaryShare)) of the text; "
        + (guess.map {
          $0 == "UTF-8"
            ? "it looks like UTF-8: leave out --encoding"
            : "it looks like \($0): " + CorpusError.reading(place.path, in: $0, canChoose: place.canChoose)
        }
          ?? (place.canChoose
            ? "name its encoding with --encoding, such as gb18030, shift_jis or windows-1252"
            : "find out its encoding, and convert it with iconv"))
        + (place.canChoose ? "; or continue with --lossy, which replaces them" : "")
    case .array(let path):
      "\(path): is a JSON array; write one object a line: "
        + "jq -c '.[]' \(CorpusError.quoted(path)) > \(CorpusError.quoted(path + ".jsonl"))"
    case .spreadObjects(let path):
      "\(path): is JSON whose objects go over several lines; write one object a line: "
        + "jq -c . \(CorpusError.quoted(path)) > \(CorpusError.quoted(path + ".jsonl"))"
    case .notAnObject(let path, let line, let kind):
      "\(path):\(line): is not a JSON object but \(kind); write one object a line\(CorpusError.skipping(path))"
    case .malformedObject(let path, let line, let column, let reason):
      "\(path):\(line): \(reason), at column \(column); correct the line\(CorpusError.skipping(path))"
    case .missingField(let path, let line, let field):
      "\(path):\(line): has no text in the field '\(field)'; correct the line, name the field with --field\(CorpusError.skipping(path))"
    case .repeatedField(let path, let line, let field):
      "\(path):\(line): has the field '\(field)' twice; keep one of the two\(CorpusError.skipping(path))"
    case .lineTooLong(let path, let line, let limit):
      "\(path):\(line): is longer than \(limit >> 20) MiB; split the object into several\(CorpusError.skipping(path))"
    case .changed(let inputs): "\(inputs): changed between the two passes over it; run it again"
    default: "the corpus cannot be read; check it"
    }
  }

  private static func skipping(_ path: String) -> String {
    let isNamedSo = FolderWalk.jsonSuffixes.contains { path.lowercased().contains($0) }
    return ", or leave such rows out with --skip-bad-rows"
      + (isNamedSo ? "" : " (the first line says that the text is JSON lines)")
  }

  /// The advice for a text in another encoding.
  /// - Parameter canChoose: whether the tool has options for it.
  private static func reading(_ path: String, in encoding: String, canChoose: Bool) -> String {
    (canChoose ? "read it with --encoding \(encoding.lowercased()), or " : "")
      + "convert it: iconv -f \(encoding) -t UTF-8 \(quoted(path)) > \(quoted(path + ".utf8"))"
  }

  /// A path, quoted for the shell.
  private static func quoted(_ path: String) -> String {
    guard path != FileSource.standardInputName else { return "FILE" }
    let isPlain = path.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x40...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 >= 0x80
        || [0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x3A, 0x5F].contains($0)
    }
    return isPlain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
  }
}
