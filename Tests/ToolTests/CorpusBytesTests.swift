import ClozeTestSupport
import Foundation
import Testing

/// One corpus in many bytes: whatever they are, `tokenize` makes the same data folder of the text, or refuses it and says why.
@Suite struct CorpusBytesTests {
  private let work: Workplace

  init() throws { work = try Workplace() }

  private let options = ["--vocabulary-size", "200", "--validation-rate", "0.1"]

  private func tokenize(_ inputs: [String], more: [String] = [], setup: String = "") throws -> Program.Result
  {
    try Program("tokenize", inputs + ["--output", "data"] + options + more, setup: setup, in: work.folder)
      .wait()
  }

  private func python(_ script: String) throws {
    try Python.run("import gzip, json\n" + script, in: work.folder)
  }

  private func expect(_ result: Program.Result, _ status: Int32, _ messages: String...) {
    #expect(result.status == status, "\(result.errors)")
    for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
  }

  // MARK: The same data

  @Test(arguments: [
    ("d = t.encode('utf-16')", "1 from UTF-16LE"),
    ("d = b'\\xfe\\xff' + t.encode('utf-16-be')", "1 from UTF-16BE"),
    ("d = gzip.compress(t.replace('\\n', '\\r\\n').encode('utf-32'))", "1 from UTF-32LE"),
    ("d = t.replace('\\n', '\\r\\n').encode('utf-8-sig')", "0"),
    ("d = t.replace('\\n', '\\r').encode()", "0"),
    ("d = gzip.compress(t.encode())", "0"),
    ("d = '\\n'.join(json.dumps({'text': p}) for p in t.split('\\n\\n')).encode()", "0"),
    (
      "d = '\\r\\n'.join(json.dumps({'text': p}, ensure_ascii=False) for p in t.split('\\n\\n')).encode('utf-16')",
      "1 from UTF-16LE"
    ),
  ]) func otherBytes(script: String, conversions: String) throws {
    try work.tokenize()
    try python("t = open('corpus.txt').read(); \(script); open('other.txt', 'wb').write(d)")
    let result = try tokenize(["other.txt"])
    expect(result, 0)
    #expect(try work.table(result.output)["files converted to UTF-8"] == conversions)
    try work.expectEqual("data", "shards")
    // Standard input has no name either.
    for setup in ["exec < other.txt;", "exec < <(cat other.txt);"] {
      expect(try tokenize(["-"], more: ["--force"], setup: setup), 0)
      try work.expectEqual("data", "shards")
    }
  }

  @Test(arguments: [("gb18030", "gb18030"), ("utf-16-le", "utf-16le"), ("gbk", "GBK")])
  func anEncodingThatIsNamed(codec: String, name: String) throws {
    try work.tokenize()
    try python("t = open('corpus.txt').read(); open('other.txt', 'wb').write(t.encode('\(codec)'))")
    let result = try tokenize(["other.txt"], more: ["--encoding", name])
    expect(result, 0)
    #expect(try work.table(result.output)["files converted to UTF-8"] == "1 from \(name)")
    try work.expectEqual("data", "shards")
    #expect(try work.names("data") == work.names("shards"))
  }

  // MARK: Refused

  @Test func anEncodingThatIsNotNamed() throws {
    try python("t = open('corpus.txt').read(); open('other.txt', 'wb').write(t.encode('gb18030'))")
    expect(
      try tokenize(["corpus.txt", "other.txt"]), 65, "other.txt: byte 0 is not valid UTF-8, the first of ",
      "it looks like GB18030: read it with --encoding gb18030, or convert it: iconv -f GB18030 -t UTF-8 ")
    #expect(try work.names("data").isEmpty)
    let lossy = try tokenize(["other.txt"], more: ["--lossy"])
    expect(lossy, 0)
    #expect(try work.table(lossy.output)["invalid UTF-8 sequences"] != "0")
  }

  @Test(arguments: [
    ("klingon", "--encoding is 'klingon', which iconv does not know; choose such as gb18030, big5")
  ])
  func anEncodingThatIsUnknown(name: String, message: String) throws {
    expect(try tokenize(["corpus.txt"], more: ["--encoding", name]), 64, message)
    #expect(!work.exists("data"))
    expect(
      try tokenize(["corpus.txt"], more: ["--strict", "--lossy"]), 64,
      "--strict refuses what --lossy replaces")
  }

  /// Found before anything is read, so that a folder of text is not read for an hour to its one picture.
  @Test func aFileThatIsNoTextAmongOthers() throws {
    try work.tokenize()
    let before = try work.contents("shards")
    try python("import bz2; open('last.txt', 'wb').write(bz2.compress(open('corpus.txt', 'rb').read()))")
    let result = try work.run(
      "tokenize", "corpus.txt", "last.txt", "--output", "shards", "--vocabulary-size", "200", "--force")
    expect(result, 65, "last.txt: is a bzip2 file, which is not read as text; unpack it: bunzip2 -k ")
    #expect(!result.errors.contains("counting"))
    #expect(try work.contents("shards") == before)
  }

  @Test(arguments: [
    (
      "json.dump([{'text': 'a'}], open('a.json', 'w'))",
      "a.json: is a JSON array; write one object a line: jq -c '.[]' "
    ),
    (
      "open('a.json', 'w').write('{\"text\":\"x\",\"score\":NaN}')",
      "a.json:1: has NaN, which is not JSON, at column 21; correct the line"
    ),
    ("open('a.json', 'wb').write(bytes(100))", "a.json: is not text: it has NUL"),
    (
      "open('a.json', 'wb').write('text '.encode('utf-16-le') * 20)",
      "a.json: looks like UTF-16LE without a byte-order mark; read it with --encoding utf-16le"
    ),
  ]) func bytesThatAreRefused(script: String, message: String) throws {
    try python(script)
    expect(try tokenize(["a.json"]), 65, message)
    #expect(try work.names("data").isEmpty)
    expect(
      try tokenize(["-"], setup: "exec < a.json;"), 65,
      message.replacing("a.json", with: "standard input"))
    #expect(try work.names("data").isEmpty)
  }

  // MARK: Documents

  @Test func aSentenceALine() throws {
    let text = (0..<150).map { "Sentence \($0) of the harbour.\n" }.joined()
    try work.folder.write(text, to: "lines.txt")
    let result = try tokenize(["lines.txt"])
    #expect(
      result.errors.contains("lines.txt: is one document of 150 lines, for no line in it is blank"),
      "\(result.errors)")
    #expect(result.errors.contains("--documents lines"))
    expect(try tokenize(["lines.txt"], more: ["--documents", "lines", "--force"]), 0)
    #expect(try tokenize(["lines.txt"], more: ["--documents", "lines", "--force"]).errors.isEmpty)
    // And what pretrain will miss, with the cause.
    try work.folder.write("One.\n\nTwo.\n\nThree.", to: "few.txt")
    let few = try work.run("tokenize", "few.txt", "--output", "few", "--vocabulary-size", "100")
    expect(
      few, 0,
      "few: no document fell to the validation split, without which pretrain refuses the folder: "
        + "there are only 3 documents, of which a share of 0.01 is held out; give more text, or choose a larger"
    )
    let refused = try work.run("pretrain", "--config", "small.yaml", "--data", "few", "--output", "run")
    expect(refused, 65, "few: has no documents in the validation split")
  }

  // MARK: Folders

  @Test func linksAreFollowed() throws {
    try work.tokenize()
    let documents = String(decoding: try work.bytes("corpus.txt"), as: UTF8.self).components(
      separatedBy: "\n\n")
    try work.folder.write(documents[..<60].joined(separator: "\n\n"), to: "in/a.txt")
    try work.folder.write(documents[60...].joined(separator: "\n\n"), to: "elsewhere/b.txt")
    try FileManager.default.createSymbolicLink(
      atPath: work.folder.file("in/b").path, withDestinationPath: "../elsewhere")
    try FileManager.default.createSymbolicLink(
      atPath: work.folder.file("elsewhere/back").path, withDestinationPath: "../in")
    try FileManager.default.createSymbolicLink(
      atPath: work.folder.file("link").path, withDestinationPath: "in")
    for input in ["in", "link", "link/"] {
      expect(try tokenize([input], more: ["--force"]), 0)
      try work.expectEqual("data", "shards")
    }
  }

  /// Root reads everything, so the program runs as nobody where it can.
  @Test(arguments: ["in/sub", "in/a.txt"]) func whatCannotBeRead(path: String) throws {
    try work.folder.write("One.\n\nTwo.", to: "in/a.txt")
    try work.folder.write("Three.", to: "in/sub/b.txt")
    try FileManager.default.createDirectory(at: work.folder.file("data"), withIntermediateDirectories: false)
    func change(_ rights: Int, _ path: String) throws {
      try FileManager.default.setAttributes(
        [.posixPermissions: rights], ofItemAtPath: work.folder.file(path).path)
    }
    try change(0o777, "data")
    try change(0o777, ".")
    try change(0, path)
    let isRoot = geteuid() == 0
    let result = try tokenize(
      ["in"],
      setup: isRoot
        ? "set -- \"$@\"; exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$0\" \"$@\";" : "")
    try change(0o700, path)
    expect(result, 74, "\(path): cannot be read (Permission denied); check the path and its rights")
    #expect(!work.exists("data/index.json"))
  }

  // MARK: Small files

  @Test(arguments: ["utf-8-sig", "utf-16"]) func marksInSmallFiles(encoding: String) throws {
    try work.tokenize()
    try python(
      """
      import os
      os.mkdir('marked')
      for name in ['tokenizer.json', 'tokenizer_config.json']:
        open('marked/' + name, 'w', encoding='\(encoding)').write(open('shards/' + name).read())
      open('vocab.txt', 'w', encoding='\(encoding)').write(open('shards/vocab.txt').read())
      open('small.yaml', 'r+', encoding='utf-8').close()
      s = open('small.yaml').read()
      open('small.yaml', 'w', encoding='\(encoding)').write(s)
      """)
    for tokenizer in [["marked"], ["vocab.txt", "--cased"]] {
      let result = try Program(
        "tokenize",
        ["corpus.txt", "--output", "data", "--validation-rate", "0.1", "--force", "--tokenizer"] + tokenizer,
        in: work.folder
      ).wait()
      expect(result, 0)
      try work.expectEqual("data", "shards")
    }
    try work.pretrain(steps: 5)
    try python(
      "c = open('run/best/config.json').read(); open('run/best/config.json', 'w', encoding='\(encoding)').write(c)"
    )
    // Its manifest tells that the file was changed; without one it is a folder from elsewhere.
    for name in ["latest", "best"] {
      try? FileManager.default.removeItem(at: work.folder.file("run/\(name)/checkpoint.json"))
    }
    expect(try work.run("evaluate", "--model", "run/best", "--data", "shards"), 0)
  }

  // MARK: The other tools

  @Test func textToEvaluateAndToTranslate() throws {
    try work.tokenize()
    try work.pretrain()
    try python(
      """
      t = open('corpus.txt').read()
      open('utf16.txt', 'wb').write(gzip.compress(t.replace('\\n', '\\r\\n').encode('utf-16')))
      open('gbk.txt', 'wb').write(t.encode('gb18030'))
      open('rows', 'w').write('\\n'.join(json.dumps({'body': p}) for p in t.split('\\n\\n')))
      """)
    func score(_ arguments: String...) throws -> Program.Result {
      try Program("evaluate", ["--model", "run", "--text"] + arguments, in: work.folder).wait()
    }
    let expected = try score("corpus.txt")
    expect(expected, 0)
    #expect(try score("utf16.txt").output == expected.output)
    #expect(try score("gbk.txt", "--encoding", "gb18030").output == expected.output)
    #expect(try score("rows", "--field", "body").output == expected.output)
    expect(try score("gbk.txt"), 65, "it looks like GB18030: read it with --encoding gb18030")
    expect(try score("gbk.txt", "--encoding", "klingon"), 64, "--encoding is 'klingon'")

    try work.finetune()
    let lines = "我和狗看见猫。\n\n老师爱鸟。\n"
    let translated = try work.run("translate", "--model", "zh-en", input: lines)
    expect(translated, 0)
    try work.folder.write(lines, to: "lines.txt")
    for script in [
      "d = t.replace('\\n', '\\r').encode()", "d = t.replace('\\n', '\\r\\n').encode('utf-16')",
      "d = gzip.compress(t.encode('utf-8-sig'))",
    ] {
      try python("t = open('lines.txt').read(); \(script); open('other.txt', 'wb').write(d)")
      for setup in ["exec < other.txt;", "exec < <(cat other.txt);"] {
        let result = try work.run("translate", "--model", "zh-en", setup: setup)
        expect(result, 0)
        #expect(result.output == translated.output, "\(script)")
      }
    }
    try python("import bz2; open('other.txt', 'wb').write(bz2.compress(open('lines.txt', 'rb').read()))")
    expect(
      try work.run("translate", "--model", "zh-en", setup: "exec < other.txt;"), 65,
      "standard input: is a bzip2 file")
  }

  @Test func aTranslationOfAnotherEncoding() throws {
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    try python("open('other.txt', 'wb').write('我和狗看见猫。\\n'.encode('gb18030') * 20)")
    let result = try work.run("translate", "--model", "zh-en", setup: "exec < other.txt;")
    expect(
      result, 65, "standard input: byte 0 is not valid UTF-8",
      "it looks like GB18030: convert it: iconv -f GB18030")
    #expect(!result.errors.contains("--encoding") && result.output.isEmpty)
  }

  @Test(arguments: ["utf-16", "utf-8-sig"]) func pairsInOtherBytes(encoding: String) throws {
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    let before = try work.bytes("zh-en/best/model.safetensors")
    try python(
      """
      for name in ['train.tsv', 'validation.tsv']:
        t = open(name).read()
        open(name, 'wb').write(gzip.compress(t.replace('\\n', '\\r\\n').encode('\(encoding)')))
      """)
    try FileManager.default.removeItem(at: work.folder.file("zh-en"))
    try work.finetune()
    #expect(try work.bytes("zh-en/best/model.safetensors") == before)
    try python("t = '我和狗看见猫。\\tI see.\\n' * 50; open('gbk.tsv', 'wb').write(t.encode('gb18030'))")
    let refused = try work.run(
      "finetune", "--from-scratch", "--tokenizer", "shards", "--train", "gbk.tsv", "--validation", "gbk.tsv",
      "--output", "other")
    expect(
      refused, 65, "gbk.tsv: byte 0 is not valid UTF-8", "it looks like GB18030: convert it: iconv -f GB18030"
    )
    #expect(!refused.errors.contains("--encoding"))
  }
}
