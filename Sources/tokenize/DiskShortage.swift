import ClozeCore

/// The disk was full before the data folder was whole.
struct DiskShortage: Failure {
  let path: String
  /// Bytes that are still to be written, if the rest of the text takes what its beginning took.
  let missingBytes: Int

  /// - Parameters:
  ///   - path: of the file that there was no room for.
  ///   - writtenBytes: of the unfinished folder.
  ///   - readShare: the share of the text that was read, in 0...1.
  init(path: String, writtenBytes: Int, readShare: Double) {
    self.path = path
    let wholeBytes = Double(writtenBytes) / max(readShare, 1e-3)
    // The index and what is written in place of other files need some room even at the end.
    missingBytes = max(Int(wholeBytes) - writtenBytes, 1_000_000)
  }

  var exitStatus: ExitStatus { .inputOutput }

  var description: String {
    "\(path): the disk is full; make room for about \(Figure.bytes(missingBytes)) more and run again, "
      + "which goes on from the last checkpoint"
  }
}
