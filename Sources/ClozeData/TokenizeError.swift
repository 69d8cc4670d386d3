package import ClozeCore
internal import ClozeText

/// The disk became full before the data folder was finished.
package struct DiskShortage: Failure {
  let path: String
  /// An estimate of the bytes still to be written, from the part of the text that was read; nil if none was read.
  let missingBytes: Int?
  /// Whether a checkpoint exists.
  let leavesProgress: Bool

  /// - Parameters:
  ///   - path: the file that could not be written.
  ///   - writtenBytes: the size of the unfinished folder.
  ///   - readShare: the share of the text that was read, in 0...1.
  ///   - leavesProgress: whether a checkpoint exists.
  init(path: String, writtenBytes: Int, readShare: Double, leavesProgress: Bool) {
    self.path = path
    self.leavesProgress = leavesProgress
    guard readShare > 0 else {
      missingBytes = nil
      return
    }
    let wholeBytes = Double(writtenBytes) / max(readShare, 1e-3)
    // The index, and files that replace others, need some room even at the end.
    missingBytes = max(Int(wholeBytes) - writtenBytes, 1_000_000)
  }

  package var exitStatus: ExitStatus { .inputOutput }

  package var description: String {
    let room = missingBytes.map { " for about \(Figure.bytes($0)) more" } ?? ""
    let next = leavesProgress ? "resumes" : "starts again"
    return "\(path): the disk is full; make room\(room) and run again, which \(next)"
  }
}

/// Too much of the text is unknown to the tokenizer, or all of it.
package struct UnreadableText: Failure {
  let inputs: String
  let unknownText: UnknownText

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    guard unknownText.characters > 0 else {
      return
        "\(inputs): no document has a token, for the tokenizer drops all their characters: controls, format and "
        + "private-use characters, and the marks it strips; tokenize with another tokenizer or other text"
    }
    return "\(inputs): \(unknownText.description); \(unknownText.adviceForTokenizing); "
      + "--allow-unknown writes it all the same, and resumes this run"
  }
}
