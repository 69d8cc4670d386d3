import ClozeText
import Testing

@Suite struct DetokenizerTests {
  /// A tokenizer that has every letter and Chinese character of `texts` as a piece, and `tokens`.
  private func tokenizer(_ texts: [String], _ tokens: [String]) throws -> Tokenizer {
    let letters = Set(texts.joined().unicodeScalars.map(String.init)).subtracting([" "]).sorted()
    let pieces = letters + letters.map { "##" + $0 } + tokens
    return Tokenizer(vocabulary: try vocabulary(pieces), normalizer: .cased)
  }

  @Test(arguments: [
    "Hello, world!", "I don't know; I'm sorry, but it's late.", "We'll see what they've done.",
    "Pi is 3.14, and 5,000 people came at 12:30.", "Send an e-mail to the well-known writer (if you can).",
    "He said, \"I am here.\" She said: \"So am I!\"", "It costs $5, which is 50% of $10.",
    "The dogs' house isn't big.", "'Stop' is what he said.", "In 2019, 12 of them left.", "either/or [sic]",
    "Wait… what?", "“Yes,” he said.", "Is this Tom's?", "1,234,567 items", "5 o'clock", "Why?!",
    "\"Do without a 'State' here.\"", "The U.S. is, e.g., big. A dog is too.",
    "我爱你。", "你好，世界！", "他说：“我在这里。”", "我有3本书，他有12本。", "我用Linux和Windows系统。",
    "《红楼梦》（一）", "这是2019年。我们很高兴！",
  ])
  func sentencesComeBack(text: String) throws {
    let tokenizer = try tokenizer([text], [])
    let decoded = tokenizer.decode(tokenizer.encode(text))
    // Latin words inside Chinese may stand apart.
    let isChinese = text.unicodeScalars.contains { $0.properties.isIdeographic }
    #expect((isChinese ? decoded.filter { $0 != " " } : decoded) == text, "\(decoded)")
  }

  @Test func piecesJoinAndSpecialsGo() throws {
    let tokenizer = try tokenizer([], ["un", "##aff", "##able", "a"])
    let ids: [TokenID] = [2, 5, 6, 7, 3, 8, 0, 6, 1, 0, 0]
    #expect(tokenizer.decode(ids) == "unaffable a aff")
    #expect(tokenizer.decode([]) == "")
    #expect(tokenizer.decode([-1, 8, 99]) == "a")
  }

  @Test func numbersWithManyGroups() throws {
    let text = "1,234,567"
    let tokenizer = try tokenizer([text], [])
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
  }
}
