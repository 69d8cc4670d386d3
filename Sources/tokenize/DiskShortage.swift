import ClozeCore

/// The disk was full before the data folder was whole.
struct DiskShortage: Failure {
  let path: String
  /// Bytes that are still to be written, if the rest of the text takes what its beginning took; nil where none was read.
  let missingBytes: Int?
  /// Whether there is something to go on from.
  let leavesProgress: Bool

  /// - Parameters:
  ///   - path: of the file that there was no room for.
  ///   - writtenBytes: of the unfinished folder.
  ///   - readShare: the share of the text that was read, in 0...1.
  ///   - leavesProgress: whether there is something to go on from.
  init(path: String, writtenBytes: Int, readShare: Double, leavesProgress: Bool) {
    self.path = path
    self.leavesProgress = leavesProgress
    guard readShare > 0 else {
      missingBytes = nil
      return
    }
    let wholeBytes = Double(writtenBytes) / max(readShare, 1e-3)
    // The index and what is written in place of other files need some room even at the end.
    missingBytes = max(Int(wholeBytes) - writtenBytes, 1_000_000)
  }

  var exitStatus: ExitStatus { .inputOutput }

  var description: String {
    let room = missingBytes.map { " for about \(Figure.bytes($0)) more" } ?? ""
    let next = leavesProgress ? "goes on from what is there" : "begins anew"
    return "\(path): the disk is full; make room\(room) and run again, which \(next)"
  }
}
