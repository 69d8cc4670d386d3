import ClozeCore
import ClozeText
import Testing

@Suite struct TextNormalizerTests {
  /// Every Unicode scalar between two letters. The digests are of the words, in the order of their first coming, and
  /// their counts, as Hugging Face's tokenizers 0.23.3 finds them, in lines of "word count".
  @Test(arguments: [
    (TextNormalizer.uncased, "3e515d2c5def5a881c3f8b245e484e07610869027ffd77d66b000dd74a2a937e"),
    (.cased, "8515fe3751b7c3941623c2a675cb3c1b1ee73c042264ea4a6efde88be6f41dde"),
    (
      TextNormalizer(lowercases: false, cleansText: false, isolatesChineseCharacters: false),
      "d69ea8fc2abbf4370d8ff092e032f010d222e64b6b44ed3b7e03ab85823292d7"
    ),
  ])
  func everyScalarIsNormalizedAsTheReferenceDoes(normalizer: TextNormalizer, digest: String) {
    var text = ""
    for scalar in (UInt32(0)..<0x110000).lazy.compactMap(Unicode.Scalar.init) {
      text += "Q"
      text.unicodeScalars.append(scalar)
      text += "Q "
    }
    var counts = WordCounts(normalizer)
    counts.add(text)
    var builder = DigestBuilder()
    counts.visitWords { word, count in
      builder.update(UnsafeRawBufferPointer(word))
      builder.update(" \(count)\n")
    }
    #expect(builder.finalize().hex == digest)
  }
}
