import ClozeTestSupport
import Foundation
import Testing

/// Nothing that comes from a file is a command to the terminal.
@Suite struct TerminalTests {
  private static let escape = "\u{1B}[31m"

  /// The name of a tensor, a field, a key and a file that would colour the terminal or turn its text around.
  @Test func messagesShowEscapes() throws {
    let work = try Workplace(isEmpty: true)
    try work.folder.write(#"{"\u001b[31m\u202e": 1}"#, to: "text.jsonl")
    try work.folder.write("\"\\e[31m\\u202e\": 1\n", to: "settings.yaml")
    let results = [
      try work.run("tokenize", "text.jsonl", "--output", "shards", "--field", Self.escape),
      try work.run("tokenize", "\(Self.escape).txt", "--output", "shards"),
      try work.run(
        "tokenize", "text.jsonl", "--output", "shards", "--shard-frames", "\(Self.escape)\u{202E}"),
      try work.run("pretrain", "--config", "settings.yaml", "--data", "none", "--output", "run"),
    ]
    for result in results {
      #expect(result.status != 0)
      #expect(!result.errors.contains("\u{1B}") && !result.errors.contains("\u{202E}"), "\(result.errors)")
      #expect(result.errors.contains(#"\u{1B}[31m"#), "\(result.errors)")
    }
  }

  @Test func messagesAreShort() throws {
    let work = try Workplace(isEmpty: true)
    try work.folder.write("{}", to: "text.jsonl")
    for part in ["f", "\u{301}"] {
      let field = "fff" + String(repeating: part, count: 50_000) + "fff"
      let result = try work.run("tokenize", "text.jsonl", "--output", "shards", "--field", field)
      #expect(result.status == 65)
      #expect(
        result.errors.utf8.count < 4000 && result.errors.unicodeScalars.contains("…"),
        "\(result.errors.utf8.count)")
    }
  }

  /// A tokenizer may have tokens that are commands. A terminal shows them; a program that reads them gets them as they are.
  @Test func resultsShowEscapesOnATerminal() throws {
    let work = try Workplace()
    try work.tokenize()
    let tokens = String(decoding: try work.bytes("shards/vocab.txt"), as: UTF8.self)
    try work.folder.write(tokens + "\(Self.escape)\n", to: "hostile.txt")
    try work.succeed(
      "tokenize", "corpus.txt", "--tokenizer", "hostile.txt", "--cased", "--output", "shards", "--force",
      "--validation-rate", "0.1")
    try work.pretrain()
    let arguments = ["--model", "run", "--fill", "I [MASK] you", "--top-k", "1000"]
    let onTerminal = try Program(
      "evaluate", arguments, setup: #"exec script -qec "$(printf '%q ' "$0" "$@")" /dev/null;"#,
      in: work.folder
    ).wait()
    let inPipe = try Program("evaluate", arguments, in: work.folder).wait()
    #expect(inPipe.output.contains(Self.escape), "\(inPipe.errors)")
    #expect(!onTerminal.output.contains("\u{1B}"), "\(onTerminal.output)")
    #expect(onTerminal.output.contains(#"\u{1B}[31m"#), "\(onTerminal.output)")
  }
}
