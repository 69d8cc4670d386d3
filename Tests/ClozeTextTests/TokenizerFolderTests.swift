import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct TokenizerFolderTests {
  @Test(arguments: [("tokenizer-cased", false), ("tokenizer-uncased", true)])
  func bothFormatsAreOneTokenizer(folder: String, lowercases: Bool) throws {
    let whole = try Tokenizer(Fixtures.url(folder))
    let file = try Tokenizer(Fixtures.url("\(folder)/tokenizer.json"))
    let list = try Tokenizer(Fixtures.url("\(folder)/vocab.txt"), lowercases: lowercases)
    #expect(whole.digest == file.digest)
    #expect(whole.digest == list.digest)
    #expect(whole.vocabulary == list.vocabulary)
  }

  @Test(arguments: [
    TextNormalizer.uncased, .cased, TextNormalizer(lowercases: true, stripsAccents: false),
    TextNormalizer(lowercases: false, cleansText: false, isolatesChineseCharacters: false),
  ])
  func writtenFolderReadsBackEqual(normalizer: TextNormalizer) throws {
    let folder = try TemporaryFolder()
    let tokens = ["\"", "\\", "\u{E9}", "e\u{301}", "##é", "中", "\u{2028}", "\u{A0}", "\u{1}"]
    let tokenizer = Tokenizer(vocabulary: try vocabulary(tokens), normalizer: normalizer)
    try tokenizer.write(to: folder.file("a"), positionCount: 128)
    try tokenizer.write(to: folder.file("b"), positionCount: 128)
    for name in ["tokenizer.json", "vocab.txt", "tokenizer_config.json"] {
      #expect(
        try Data(contentsOf: folder.file("a/\(name)")) == Data(contentsOf: folder.file("b/\(name)")),
        "\(name)")
    }
    let read = try Tokenizer(folder.file("a"))
    #expect(read.normalizer == normalizer)
    #expect(read.vocabulary == tokenizer.vocabulary)
    #expect(read.digest == tokenizer.digest)
    // Foundation must find it to be JSON, too.
    _ = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.file("a/tokenizer.json")))
    if normalizer.cleansText {
      #expect(try Tokenizer(folder.file("a/vocab.txt")).digest == tokenizer.digest)
    }
  }

  /// A model without segments is not given any by `AutoTokenizer`, and nothing else changes.
  @Test func modelsWithoutSegments() throws {
    let folder = try TemporaryFolder()
    let tokenizer = Tokenizer(vocabulary: try vocabulary(["a"]), normalizer: .uncased)
    try tokenizer.write(to: folder.file("a"))
    try tokenizer.write(to: folder.file("b"), hasSegments: false)
    func settings(_ name: String) throws -> [String: Any] {
      let data = try Data(contentsOf: folder.file("\(name)/tokenizer_config.json"))
      return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
    let with = try settings("a")
    var without = try settings("b")
    #expect(without.removeValue(forKey: "model_input_names") as? [String] == ["input_ids", "attention_mask"])
    #expect(with as NSDictionary == without as NSDictionary)
    #expect(try Tokenizer(folder.file("b")).digest == tokenizer.digest)
  }

  @Test func aVocabularyThatIsNotUTF8() throws {
    let folder = try TemporaryFolder()
    let list = folder.file("vocab.txt")
    try Data("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncaf".utf8 + [0xE9, 0x0A]).write(to: list)
    #expect(
      failureMessage { _ = try Tokenizer(list, lowercases: true) }.contains("vocab.txt:6: is not UTF-8; "))
  }

  @Test(arguments: ["9223372036854775807", "4194304"]) func idsBeyondAVocabulary(id: String) throws {
    let folder = try TemporaryFolder()
    let json = String(
      decoding: try Data(contentsOf: Fixtures.url("tokenizer-cased/tokenizer.json")), as: UTF8.self)
    let changed = json.replacing("\"##rom\": 1199", with: "\"##rom\": \(id)")
    try #require(changed != json)
    try folder.write(changed, to: "TOKENIZER.JSON")
    let message = failureMessage { _ = try Tokenizer(folder.file("TOKENIZER.JSON")) }
    #expect(message.contains("gives '##rom' an id beyond 0 to 4194303; "), "\(message)")
  }

  @Test func configurationBesideTheListDecides() throws {
    let folder = try TemporaryFolder()
    let list = try folder.write(SpecialTokens.texts.joined(separator: "\r\n") + "\r\na\r\n", to: "vocab.txt")
    #expect(try Tokenizer(list, lowercases: false).vocabulary.count == 6)
    try folder.write(#"{"do_lower_case": true, "strip_accents": false}"#, to: "tokenizer_config.json")
    #expect(try Tokenizer(list).normalizer == TextNormalizer(lowercases: true, stripsAccents: false))
  }

  /// Published folders of RoBERTa and ModernBERT have another kind of tokenizer, which the error names.
  @Test func byteLevelPairsAreNamed() {
    let message = failureMessage { _ = try Tokenizer(Fixtures.url("modernbert")) }
    #expect(
      message.hasSuffix(
        "modernbert/tokenizer.json: is a byte-level BPE tokenizer, as RoBERTa and ModernBERT have, and Cloze reads WordPiece "
          + "alone; use a BERT with its tokenizer, or pretrain a model on shards of tokenize"), "\(message)")
  }

  /// One change to a good `tokenizer.json`, and what the reader must say to it.
  @Test(arguments: [
    (#""BertNormalizer""#, #""NFC""#, "the normalizer is of the kind 'NFC'"),
    (#""BertPreTokenizer""#, #""ByteLevel""#, "the pre_tokenizer is of the kind 'ByteLevel'"),
    (
      #""type": "WordPiece","# + "\n    \"unk", #""type": "BPE","# + "\n    \"unk",
      "the model is of the kind 'BPE'"
    ),
    (#""unk_token": "[UNK]""#, #""unk_token": "<unk>""#, "'model.unk_token' is <unk>"),
    (
      #""max_input_chars_per_word": 100"#, #""max_input_chars_per_word": 0"#,
      "is 0; use a BERT tokenizer, where"
    ),
    ("subword_prefix\": \"##\"", "subword_prefix\": \"@@\"", "is @@; use"),
    (#""clean_text": true"#, #""clean_text": 1"#, "'normalizer.clean_text' is missing or of the wrong type"),
    (#""content": "[PAD]""#, #""content": "b""#, "'added_tokens: b' contradicts its id in model.vocab"),
    (
      #""content": "[PAD]""#, #""content": "<extra>""#,
      "'added_tokens: <extra>' contradicts its id in model.vocab"
    ),
    (#""id": 0,"#, #""id": -1,"#, "'added_tokens' is missing or of the wrong type"),
    (#""id": 1,"#, #""id": 3,"#, "'added_tokens: [UNK]' contradicts its id in model.vocab"),
    (#""[MASK]": 4"#, #""[HIDE]": 4"#, "'added_tokens: [MASK]' contradicts its id in model.vocab"),
    (#""a": 5"#, #""a": 7"#, "no token has the id 5"),
    (#""a": 5"#, #""a": "5""#, "'model.vocab.a' is missing"),
    (#""a": 5"#, #""a" 5"#, "lacks a colon at byte"),
    (#""truncation": null"#, #""truncation": 5"#, "'truncation' is missing or of the wrong type"),
    (
      #""TemplateProcessing""#, #""RobertaProcessing""#,
      "post_processor is of the kind 'RobertaProcessing'; use a BERT tokenizer, whose post_processor is 'TemplateProcessing' or"
    ),
    (
      #""type": "TemplateProcessing""#, #""type": 1"#, "'post_processor.type' is missing or of the wrong type"
    ),
    (
      #""type": "WordPiece","# + "\n    \"prefix", #""type": "ByteLevel","# + "\n    \"prefix",
      "the decoder is of the kind 'ByteLevel'"
    ),
    (
      #""strip_accents": null"#, #""strip_accents": "no""#,
      "'normalizer.strip_accents' is missing or of the wrong"
    ),
    (
      #""lowercase": true"#, #""lowercase": "true""#, "'normalizer.lowercase' is missing or of the wrong type"
    ),
    (
      #""lstrip": false"#, #""lstrip": "yes""#,
      "'added_tokens: [PAD]: lstrip' is missing or of the wrong type"
    ),
    (
      #""unk_token""#, #""dropout": 0.5, "unk_token""#,
      "'model.dropout' is 0.5; use a BERT tokenizer, where it is null"
    ),
    (#""added_tokens": ["#, #""added_tokens": {}, "x": ["#, "'added_tokens' is missing or of the wrong type"),
    (#""padding": null"#, #""padding": null, "normalizer": null"#, "has the key 'normalizer' twice at byte"),
    (#""a": 5"#, #""a": 5, "\u0061": 5"#, "has the key 'a' twice at byte"),
  ])
  func everyDifferenceIsRefusedByName(original: String, replacement: String, message: String) throws {
    let folder = try TemporaryFolder()
    try Tokenizer(vocabulary: try vocabulary(["a", "b"]), normalizer: .uncased).write(to: folder.url)
    let file = folder.file("tokenizer.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacingOccurrences(of: original, with: replacement)
    try #require(changed != text)
    try folder.write(changed, to: "tokenizer.json")
    let failure = failureMessage { _ = try Tokenizer(file) }
    #expect(failure.contains(message) && failure.hasPrefix(file.path), "\(failure)")
  }

  /// What `tokenizers` writes for BERT beside what Cloze itself writes.
  @Test(arguments: [
    (#""TemplateProcessing""#, #""BertProcessing""#),
    (#""post_processor": {"#, #""post_processor": null, "x": {"#),
    (#""post_processor": {"#, #""x": {"#), (#""decoder": {"#, #""decoder": null, "x": {"#),
    (#""decoder": {"#, #""x": {"#), (#""unk_token""#, #""dropout": null, "unk_token""#),
    (#""added_tokens": ["#, #""x": ["#), (#""truncation": null"#, #""truncation": {"max_length": 8}"#),
    (#""padding": null"#, #""padding": {"strategy": {"Fixed": 8}}"#),
    (#""lstrip": false"#, #""lstrip": true"#),
  ])
  func otherSpellingsAreRead(original: String, replacement: String) throws {
    let folder = try TemporaryFolder()
    let tokenizer = Tokenizer(vocabulary: try vocabulary(["a", "b"]), normalizer: .uncased)
    try tokenizer.write(to: folder.url)
    let file = folder.file("tokenizer.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let changed = text.replacingOccurrences(of: original, with: replacement)
    try #require(changed != text)
    try folder.write(changed, to: "tokenizer.json")
    #expect(try Tokenizer(file).digest == tokenizer.digest)
  }

  @Test(arguments: [
    (#"{"do_lower_case": "true"}"#, "'do_lower_case' is missing or of the wrong type"),
    (#"{"do_lower_case": true, "strip_accents": 0}"#, "'strip_accents' is missing or of the wrong type"),
    (
      #"{"do_lower_case": true, "tokenize_chinese_chars": "no"}"#, "'tokenize_chinese_chars' is missing or of"
    ),
    (#"{"do_lower_case": true, "tokenizer_class": 1}"#, "'tokenizer_class' is missing or of the wrong type"),
    (#"{"do_lower_case": true, "do_lower_case": false}"#, "has the key 'do_lower_case' twice"),
    (#"["do_lower_case"]"#, "is not a JSON object"),
  ])
  func configurationOfAnotherTypeIsRefused(text: String, message: String) throws {
    let folder = try TemporaryFolder()
    let list = try folder.write(SpecialTokens.texts.joined(separator: "\n") + "\na\n", to: "vocab.txt")
    let configuration = try folder.write(text, to: "tokenizer_config.json")
    let failure = failureMessage { _ = try Tokenizer(list, lowercases: true) }
    #expect(failure.contains(message) && failure.hasPrefix(configuration.path), "\(failure)")
  }

  @Test func missingPiecesAreNamed() throws {
    let folder = try TemporaryFolder()
    #expect(failureMessage { _ = try Tokenizer(folder.file("none")) }.contains("does not exist"))
    #expect(failureMessage { _ = try Tokenizer(folder.url) }.contains("neither tokenizer.json nor vocab.txt"))
    let list = try folder.write("[PAD]\n[UNK]\n", to: "vocab.txt")
    #expect(failureMessage { _ = try Tokenizer(list) }.contains("nothing says whether text is lower-cased"))
    #expect(failureMessage { _ = try Tokenizer(list, lowercases: true) }.contains("[CLS] is missing"))
    try folder.write(#"{"tokenizer_class": "GPT2Tokenizer"}"#, to: "tokenizer_config.json")
    #expect(failureMessage { _ = try Tokenizer(list) }.contains("of the kind 'GPT2Tokenizer'"))
    try folder.write(#"{"mask_token": "<mask>"}"#, to: "tokenizer_config.json")
    #expect(
      failureMessage { _ = try Tokenizer(list) }.contains(
        "'mask_token' is <mask>; use a BERT tokenizer, where"))
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":}", "\"\\q\"", "\"\\u12\"", "\"\\ud800\"", "nul", "{} {}", "\"open",
    "{\"a\":1 \"b\":2}",
    String(repeating: "[", count: 5000),
  ])
  func brokenJSONIsNamed(text: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "tokenizer.json")
    let failure = failureMessage { _ = try Tokenizer(file) }
    #expect(failure.contains("at byte") && failure.hasPrefix(file.path), "\(failure)")
  }
}
