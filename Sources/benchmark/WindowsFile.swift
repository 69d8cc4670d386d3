import ClozeCore
import ClozeData
import Foundation

/// The windows that a run of `pretrain` reads, as a file for a peer that is to learn from the same ones.
struct WindowsFile {
  let data: URL
  /// T, tokens.
  let windowLength: Int
  /// Of the run.
  let seed: Int
  /// Samples of the run, from its first on.
  let count: Int

  /// Writes the ids, special tokens included, as 32-bit integers in little-endian order: `[count, T]`.
  /// - Throws: `ShardError`, `FileError`, and what opening the tokenizer throws
  func write(to url: URL) throws {
    let dataset = try TokenDataset(folder: data, split: .train)
    let windows = try PackedWindows(
      dataset, windowLength: windowLength, specials: try dataset.tokenizer().vocabulary.specials,
      seed: UInt64(seed))
    var bytes = Data(capacity: 4 * count * windowLength)
    for sample in 0..<count {
      let tokens = try windows.window(at: windows.place(ofSample: sample)).tokens
      for token in tokens { withUnsafeBytes(of: UInt32(token).littleEndian) { bytes.append(contentsOf: $0) } }
    }
    try AtomicFile.write(bytes, to: url)
  }
}
