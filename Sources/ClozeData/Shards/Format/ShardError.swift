package import ClozeCore

/// A data folder that violates its format (see `DataIndex`, `ShardFrame` and `SeekTable`).
package enum ShardError: Failure {
  case noIndex(path: String)
  case malformedIndex(path: String, reason: String)
  case unknownVersion(path: String, version: Int)
  case foreignName(path: String, name: String, expected: String)
  case numberOutOfBounds(path: String, field: String, value: Int)
  case countsDisagree(path: String, field: String, stated: Int, found: Int)
  case splitMissing(path: String, split: Split)
  case splitTooShort(path: String, split: Split, positions: Int, windowLength: Int)
  case wrongFileSize(path: String, stated: Int, found: Int)
  case wrongFileDigest(path: String)
  case wrongSeekTable(path: String, reason: String)
  case corruptFrame(path: String, frame: Int, reason: String)
  case wrongFrameSize(path: String, frame: Int, stated: Int, found: Int)
  case wrongFrameDigest(path: String, frame: Int)
  case wrongFrameHead(path: String, frame: Int, reason: String)
  case wrongDocumentEnds(path: String, frame: Int, reason: String)
  case tokenOutsideVocabulary(path: String, frame: Int, token: Int, vocabularySize: Int)
  case wrongTokenizer(path: String, stated: Digest, found: Digest)
  case wrongTokenizerFile(path: String)
  /// Text is to be tokenized into a folder with an index that cannot be read.
  case unreadableData(path: String)
  case wrongUnigrams(path: String, reason: String)
  case noProvenance(path: String)
  case wrongProvenance(path: String, reason: String)
  case damagedBytes(path: String, range: Range<Int>, reason: String)
  case framesDisagree(path: String, frame: Int)
  case foreignShard(path: String)
  case documentMissing(path: String, split: Split, number: Int, count: Int)
  case damagedLeftover(path: String)
  case otherWriter(path: String)
  case corpusTooLarge(bytes: Int, limit: Int)
  case splitIsFull(path: String, split: Split, frames: Int)
  case otherCorpus(path: String, existing: Digest, new: Digest)

  package var exitStatus: ExitStatus {
    switch self {
    case .otherCorpus, .documentMissing, .corpusTooLarge: .usage
    case .otherWriter: .inputOutput
    default: .data
    }
  }

  package var description: String {
    let again = "make the data again with tokenize"
    let mend = "mend the folder with tokenize --repair, or \(again)"
    switch self {
    case .noIndex(let path):
      return "\(path): holds no index.json, so it is no finished data folder; run tokenize to its end, "
        + "or rebuild a lost index with tokenize --repair"
    case .malformedIndex(let path, let reason): return "\(path): \(reason); \(mend)"
    case .unknownVersion(let path, let version):
      return
        "\(path): has format version \(version), this program reads \(DataIndex.currentVersion); \(again)"
    case .foreignName(let path, let name, let expected):
      return "\(path): names a file '\(name)' where '\(expected)' belongs; \(mend)"
    case .numberOutOfBounds(let path, let field, let value):
      return "\(path): \(field) is \(value), which no data folder has; \(mend)"
    case .countsDisagree(let path, let field, let stated, let found):
      return "\(path): states \(stated) \(field), its parts add up to \(found); \(mend)"
    case .splitMissing(let path, let split):
      return "\(path): has no documents in the \(split.rawValue) split; "
        + "tokenize more text, with another --validation-rate, or each line as a document with --documents lines"
    case .splitTooShort(let path, let split, let positions, let windowLength):
      return "\(path): the \(split.rawValue) split is \(positions) positions long, "
        + "less than one window of \(windowLength); tokenize more text or choose shorter windows"
    case .wrongFileSize(let path, let stated, let found):
      return "\(path): is \(found) bytes long, the index states \(stated); copy the folder again, or \(mend)"
    case .wrongFileDigest(let path):
      return "\(path): does not have the digest that the index states; copy the folder again, or \(mend)"
    case .wrongSeekTable(let path, let reason): return "\(path): its seek table \(reason); \(mend)"
    case .corruptFrame(let path, let frame, let reason):
      return "\(path): frame \(frame) cannot be inflated (\(reason)); copy the folder again, or \(mend)"
    case .wrongFrameSize(let path, let frame, let stated, let found):
      return "\(path): frame \(frame) claims \(found) bytes, the index states \(stated); \(mend)"
    case .wrongFrameDigest(let path, let frame):
      return "\(path): frame \(frame) does not have the digest that the index states; \(mend)"
    case .wrongFrameHead(let path, let frame, let reason):
      return "\(path): frame \(frame) has a head that \(reason); \(mend)"
    case .wrongDocumentEnds(let path, let frame, let reason):
      return "\(path): frame \(frame) has document ends that \(reason); \(mend)"
    case .tokenOutsideVocabulary(let path, let frame, let token, let vocabularySize):
      return "\(path): frame \(frame) holds token \(token), the vocabulary has \(vocabularySize); \(mend)"
    case .wrongTokenizer(let path, let stated, let found):
      return "\(path): the shards were made with tokenizer \(stated.short), the one beside them is "
        + "\(found.short); put the right tokenizer back, or \(again)"
    case .wrongTokenizerFile(let path):
      return "\(path): is not what tokenize writes for this tokenizer; \(mend)"
    case .unreadableData(let path):
      return
        "\(path): holds an index.json that cannot be read, so its data cannot be compared with this text; mend them with tokenize "
        + "--repair, replace them with --force, or choose another --output"
    case .wrongUnigrams(let path, let reason): return "\(path): \(reason); \(mend)"
    case .noProvenance(let path):
      return "\(path): neither index.json nor provenance.json can be read, "
        + "and only they say where the shards come from; copy one of them back, or \(again)"
    case .wrongProvenance(let path, let reason): return "\(path): \(reason); \(mend)"
    case .damagedBytes(let path, let range, let reason):
      return "\(path): bytes \(range.lowerBound) to \(range.upperBound - 1) hold no whole frame (\(reason)); "
        + "copy the folder again, or \(mend)"
    case .framesDisagree(let path, let frame):
      return "\(path): frame \(frame) does not lie where the index states it, or has other counts; \(mend)"
    case .foreignShard(let path): return "\(path): is no shard of this data folder; move it away"
    case .documentMissing(let path, let split, let number, let count):
      return "\(path): has no document \(number) in the \(split.rawValue) split; "
        + (count > 0 ? "choose 0 to \(count - 1)" : "choose another --split")
    case .damagedLeftover(let path):
      return "\(path): is not as the unfinished run wrote it; run again to encode all documents anew"
    case .otherWriter(let path):
      return "\(path): another tokenize is writing into it; wait for its end, or choose another folder"
    case .corpusTooLarge(let bytes, let limit):
      return
        "the corpus: has \(Figure.bytes(bytes)), a data folder holds at most \(Figure.bytes(limit)) of text; "
        + "tokenize parts of it into several folders"
    case .splitIsFull(let path, let split, let frames):
      return "\(path): the \(split.rawValue) split has \(frames) frames, the most that a data folder holds; "
        + "tokenize parts of the corpus into several folders"
    case .otherCorpus(let path, let existing, let new):
      return "\(path): already holds the data of corpus \(existing.short), this one is \(new.short); "
        + "choose another --output, or replace it with --force"
    }
  }
}
