internal import ClozeCore

/// `documents.partial`: the 32 bytes of every document's digest in order, with duplicates. A resumed run needs all of
/// them to recognise duplicates.
struct DocumentJournal {
  private let file: AppendedFile

  /// - Throws: `FileError`
  init(folder: DataFolder) throws { file = try AppendedFile(folder.documentJournal) }

  /// Continues a journal; nil if it is damaged, or has another number of documents.
  init?(folder: DataFolder, resumingAt mark: AppendedFile.Mark, documents: Int) {
    guard mark.length == documents * Digest.byteCount,
      let file = AppendedFile(folder.documentJournal, resumingAt: mark)
    else { return nil }
    self.file = file
  }

  /// - Throws: `FileError`
  func append(_ digests: [Digest]) throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digests.count * Digest.byteCount)
    for digest in digests { digest.append(to: &bytes) }
    try file.append(bytes)
  }

  /// - Throws: `FileError`
  func synchronize() throws -> AppendedFile.Mark { try file.synchronize() }

  /// Passes all digests to `body`.
  /// - Throws: `FileError`
  func visit(_ body: (Digest) -> Void) throws {
    // A MiB is a multiple of the size of a digest.
    try file.visit { bytes in
      for place in stride(from: 0, to: bytes.count, by: Digest.byteCount) {
        body(Digest(bytes: UnsafeRawBufferPointer(rebasing: bytes[place...])))
      }
    }
  }
}
