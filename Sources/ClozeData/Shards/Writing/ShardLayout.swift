internal import ClozeCore

/// How shards are cut and compressed. Readers need none of it.
package struct ShardLayout: Sendable, Equatable {
  /// A window costs the inflation of one frame, so frames are small; compression wants them large. On English text of
  /// 11 MB in 8,192 pieces, frames of 65,536 tokens take 1.21 bytes a token, frames of 262,144 take 1.18.
  package var tokensPerFrame = 1 << 16
  package var framesPerShard = 1024
  /// zstd's level, 1...22. On the same text level 3 gives 1.30 bytes a token, 9 gives 1.21 and 19 gives 1.18 at a
  /// sixth of the speed.
  package var compressionLevel = 9

  package init() {}

  /// A layout with which a corpus fits into a split even where every byte of it is a token: plain text has about a quarter
  /// of that, compressed text about as much. A split has at most `DataIndex.maximumFrames` frames, so those of a corpus of
  /// more than 275 GB are larger.
  ///
  /// - Parameter corpusBytes: on disk.
  /// - Throws: `ShardError.corpusTooLarge` where the largest frames do not suffice.
  package init(corpusBytes: Int) throws {
    while corpusBytes > tokensPerFrame * DataIndex.maximumFrames {
      guard tokensPerFrame < DataIndex.maximumFrameTokens else {
        throw ShardError.corpusTooLarge(
          bytes: corpusBytes, limit: DataIndex.maximumFrameTokens * DataIndex.maximumFrames)
      }
      tokensPerFrame *= 2
    }
  }

  /// All of it that decides the bytes of a shard, the versions of the compressor and of Cloze too: no folder is to be one
  /// half of one encoder's and one half of another's.
  package var description: String {
    "\(tokensPerFrame) \(framesPerShard) \(compressionLevel) zstd \(ZstdFrame.libraryVersion) "
      + "Cloze \(Cloze.version)"
  }
}
