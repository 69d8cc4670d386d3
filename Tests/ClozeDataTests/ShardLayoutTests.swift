import ClozeCore
import ClozeData
import ClozeTestSupport
import Testing

/// What a split can hold is settled before a corpus is read.
@Suite struct ShardLayoutTests {
  /// A split has at most 2^22 frames of at most 2^22 tokens; a token has at least a byte.
  @Test(arguments: [
    (0, 1 << 16), (1 << 38, 1 << 16), ((1 << 38) + 1, 1 << 17), (1 << 40, 1 << 18), (1 << 44, 1 << 22),
  ])
  func framesGrowWithTheCorpus(corpusBytes: Int, tokensPerFrame: Int) throws {
    let layout = try ShardLayout(corpusBytes: corpusBytes)
    #expect(layout.tokensPerFrame == tokensPerFrame)
    #expect(layout.tokensPerFrame << 22 >= corpusBytes)
    #expect(layout.framesPerShard == ShardLayout().framesPerShard)
  }

  @Test func tooLargeACorpusIsRefused() {
    let message = failureMessage { _ = try ShardLayout(corpusBytes: (1 << 44) + 1) }
    #expect(message.contains("a data folder holds at most"))
    #expect(message.contains("tokenize parts of it into several folders"))
  }
}
