import ClozeData
import ClozeTestSupport
import Foundation
import Testing

/// What a file is, its first bytes say. The files are Python's.
@Suite struct FileContentTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  static let languages = [
    "zh": "今天天气很好，我们一起去公园散步。他说他在学校里学习中文已经三年了。\n这个问题不是很难，但是要想清楚。",
    "zt": "今天天氣很好，我們一起去公園散步。他說他在學校裡學習中文已經三年了。\n這個問題不是很難，但是要想清楚。",
    "ja": "今日はとても天気がいいので、公園を散歩しました。\n彼は日本語を三年間勉強していると言っていました。",
    "ko": "오늘은 날씨가 아주 좋아서 우리는 함께 공원에 갔다.\n그는 학교에서 한국어를 삼 년 동안 배우고 있다고 했다.",
    "ru":
      "Сегодня очень хорошая погода, и мы вместе пошли гулять в парк.\nОн сказал, что учит русский язык уже три года.",
    "uk":
      "Сьогодні дуже гарна погода, і ми разом пішли гуляти в парк.\nВін сказав, що вивчає українську мову.",
    "fr":
      "Il faisait très beau aujourd'hui, alors nous sommes allés à la forêt.\nLe garçon préférait être à l'école.",
    "pl":
      "Dzisiaj była piękna pogoda, więc poszliśmy się przejść.\nŹle się czuję, gdyż łódź odpłynęła już wczoraj.",
    "tr":
      "Bugün hava çok güzeldi, bu yüzden dışarı çıktık.\nÖğrenciler ağaçların altında oturup şarkı söylediler.",
    "el":
      "Σήμερα ο καιρός ήταν πολύ καλός και πήγαμε μαζί στο πάρκο.\nΕίπε ότι μαθαίνει ελληνικά τρία χρόνια.",
    "he": "היום מזג האוויר היה יפה מאוד והלכנו יחד לפארק.\nהוא אמר שהוא לומד עברית כבר שלוש שנים.",
    "ar": "كان الطقس جميلا جدا اليوم وذهبنا معا إلى الحديقة.\nقال إنه يتعلم العربية منذ ثلاث سنوات.",
    "th": "วันนี้อากาศดีมาก เราไปเดินเล่นที่สวนสาธารณะด้วยกัน\nเขาบอกว่าเรียนภาษาไทยมาสามปีแล้ว",
  ]

  /// Writes documents of a language in Python's encoding, LF as `lineEnd`.
  private func write(
    _ language: String, in encoding: String, to name: String, lineEnd: String = "\n", mark: [UInt8] = []
  ) throws {
    let text = try #require(Self.languages[language])
    let script = """
      import sys
      text = '\\n\\n'.join(f'{i}. {sys.argv[1]}' for i in range(40)).replace('\\n', sys.argv[2])
      open(sys.argv[4], 'wb').write(bytes.fromhex(sys.argv[5]) + text.encode(sys.argv[3]))
      """
    let hex = mark.map { String(format: "%02x", $0) }.joined()
    try Python.run(script, text, lineEnd, encoding, name, hex, in: folder)
  }

  private func read(_ names: String..., change: (inout CorpusFormat) -> Void = { _ in }) throws -> [Document]
  {
    var format = CorpusFormat()
    change(&format)
    let reader = CorpusReader(try CorpusInputs(names.map { folder.file($0).path }), format: format)
    var documents: [Document] = []
    while let document = try reader.next() { documents.append(document) }
    return documents
  }

  private func complaint(_ name: String, change: (inout CorpusFormat) -> Void = { _ in }) -> String {
    failureMessage { _ = try read(name, change: change) }
  }

  // MARK: Encodings

  @Test(
    arguments: [
      ("utf-8", [0xEF, 0xBB, 0xBF]), ("utf-16-le", [0xFF, 0xFE]), ("utf-16-be", [0xFE, 0xFF]),
      ("utf-32-le", [0xFF, 0xFE, 0, 0]), ("utf-32-be", [0, 0, 0xFE, 0xFF]),
    ] as [(String, [UInt8])], ["", "gz", "zst"])
  func aMarkSaysTheEncoding(encoding: (name: String, mark: [UInt8]), packing: String) throws {
    for language in ["zh", "ru", "fr"] {
      try write(language, in: "utf-8", to: "expected.txt")
      try write(language, in: encoding.name, to: "a.txt", lineEnd: "\r\n", mark: encoding.mark)
      switch packing {
      case "gz":
        try Python.run(
          "import gzip; d = open('a.txt', 'rb').read(); open('a.txt', 'wb').write(gzip.compress(d))",
          in: folder)
      case "zst":
        let bytes = Array(try Data(contentsOf: folder.file("a.txt")))
        try Data(ZstdFrame.compress(bytes, level: 3)).write(to: folder.file("a.txt"))
      default: break
      }
      let expected = try read("expected.txt")
      #expect(expected.count == 40)
      #expect(try read("a.txt") == expected)
      // The mark goes before what the user says.
      #expect(try read("a.txt") { $0.encoding = TextEncoding("windows-1251") } == expected)
    }
  }

  static let encodings = [
    ("zh", "gb18030", "GB18030"), ("zt", "big5", "BIG5"), ("ja", "shift_jis", "SHIFT_JIS"),
    ("ja", "euc-jp", "EUC-JP"),
    ("ko", "euc-kr", "EUC-KR"), ("ru", "cp1251", "WINDOWS-1251"), ("ru", "koi8-r", "KOI8-R"),
    ("ru", "cp866", "IBM866"), ("ru", "iso8859-5", "ISO-8859-5"), ("uk", "koi8-u", "KOI8-U"),
    ("uk", "cp1251", "WINDOWS-1251"), ("fr", "cp1252", "WINDOWS-1252"), ("fr", "mac-roman", "MACINTOSH"),
    ("fr", "cp850", "IBM850"), ("pl", "cp1250", "WINDOWS-1250"), ("pl", "iso8859-2", "ISO-8859-2"),
    ("tr", "cp1254", "WINDOWS-1254"), ("el", "cp1253", "WINDOWS-1253"), ("he", "cp1255", "WINDOWS-1255"),
    ("ar", "cp1256", "WINDOWS-1256"), ("th", "tis-620", "TIS-620"),
    ("zh", "utf-16-le", "UTF-16LE"), ("en", "utf-16-be", "UTF-16BE"),
  ].filter { languages[$0.0] != nil }

  @Test(arguments: encodings)
  func anotherEncoding(language: String, codec: String, name: String) throws {
    try write(language, in: "utf-8", to: "expected.txt")
    try write(language, in: codec, to: "a.txt", lineEnd: "\r\n")
    // Refused by what it looks like, with the place that Python's own decoder stops at.
    let message = complaint("a.txt")
    #expect(message.contains("--encoding \(name.lowercased())"), "\(message)")
    #expect(message.contains("iconv -f \(name) -t UTF-8 "), "\(message)")
    if !name.hasPrefix("UTF-16") {
      let script = """
        try: open('a.txt', 'rb').read().decode()
        except UnicodeDecodeError as error: print(error.start, end='')
        """
      let start = try Python.run(script, in: folder)
      #expect(message.contains("a.txt: byte \(start) is not valid UTF-8"), "\(start): \(message)")
    }
    // And read where it is named.
    let encoding = try #require(TextEncoding(name))
    #expect(try read("a.txt") { $0.encoding = encoding } == read("expected.txt"))
  }

  /// 1 invalid byte in 1,000 is an accident and is counted, more is another encoding; `isLossy` reads both.
  @Test(arguments: [(3, true), (4, false)]) func theShareOfInvalidBytes(count: Int, isAccepted: Bool) throws {
    var bytes = [UInt8]()
    for line in 0..<60 { bytes += Array("\(1000 + line) \(String(repeating: "x", count: 44))\n".utf8) }
    #expect(bytes.count == 3000)
    for number in 0..<count { bytes[700 + 300 * number] = 0xFF }
    try Data(bytes).write(to: folder.file("a.txt"))
    if isAccepted {
      #expect(try read("a.txt").map(\.invalidSequences) == [count])
    } else {
      #expect(
        complaint("a.txt").contains(
          "byte 700 is not valid UTF-8, the first of 4 such bytes, more than 1 in 1,000"))
      #expect(complaint("a.txt").contains("--lossy"))
    }
    #expect(try read("a.txt") { $0.isLossy = true }.map(\.invalidSequences) == [count])
  }

  /// A whole file is measured, not its beginning: bad lines at the head of a long file are few.
  @Test func aLongFileWithABadBeginning() throws {
    let good = Data(String(repeating: "A line of good text, forty bytes long..\n", count: 100_000).utf8)
    try (Data(repeating: 0xFF, count: 3000) + good).write(to: folder.file("a.txt"))
    #expect(try read("a.txt").map(\.invalidSequences) == [3000])
    try (Data(repeating: 0xFF, count: 5000) + good).write(to: folder.file("b.txt"))
    #expect(complaint("b.txt").contains("byte 0 is not valid UTF-8"))
  }

  @Test func theWrongEncoding() throws {
    try write("zh", in: "utf-8", to: "a.txt")
    let message = complaint("a.txt") { $0.encoding = TextEncoding("big5") }
    #expect(message.contains("is not valid big5") && message.contains("leave out --encoding"), "\(message)")
    #expect(TextEncoding("klingon") == nil && TextEncoding("") == nil && TextEncoding("utf-8//IGNORE") == nil)
  }

  // MARK: Other content

  @Test(arguments: [
    ("import bz2; b = bz2.compress(b'text ' * 500)", "a bzip2 file", "bunzip2 -k "),
    ("import lzma; b = lzma.compress(b'text ' * 500)", "an xz file", "xz -dk "),
    ("import lzma; b = lzma.compress(b'text ' * 500, lzma.FORMAT_ALONE)", "an lzma file", "xz --format=lzma"),
    (
      "import zipfile, io; f = io.BytesIO(); zipfile.ZipFile(f, 'w').writestr('a.txt', 'text'); b = f.getvalue()",
      "a zip archive", "unzip "
    ),
    (
      "import zipfile, io; f = io.BytesIO(); zipfile.ZipFile(f, 'w').writestr('[Content_Types].xml', ''); b = f.getvalue()",
      "an Office document", "soffice "
    ),
    (
      "import zipfile, io; f = io.BytesIO(); zipfile.ZipFile(f, 'w').writestr('mimetype', 'application/epub+zip'); b = f.getvalue()",
      "an EPUB book", "pandoc "
    ),
    (
      "import tarfile, io; f = io.BytesIO(); t = tarfile.open(fileobj=f, mode='w'); t.addfile(tarfile.TarInfo('a.txt')); t.close(); b = f.getvalue()",
      "a tar archive", "tar -xf "
    ),
    (
      "import tarfile, io; f = io.BytesIO(); t = tarfile.open(fileobj=f, mode='w:gz'); t.addfile(tarfile.TarInfo('a.txt')); t.close(); b = f.getvalue()",
      "a tar archive within compressed data", "tar -xf "
    ),
    ("import pickle; b = pickle.dumps({'text': ['one']})", "a Python pickle", "Python"),
    (
      "import sqlite3; c = sqlite3.connect('x'); c.execute('create table t (a)'); c.commit(); b = open('x', 'rb').read()",
      "an SQLite database", "sqlite3 "
    ),
    ("import sys; b = open(sys.executable, 'rb').read(5000)", "a program (ELF)", "leave this file out"),
    ("b = b'PAR1\\x15\\x04\\x15' + bytes(100) + b'PAR1'", "a Parquet file", "read_parquet"),
    ("b = b'ARROW1\\0\\0' + bytes(100)", "an Arrow file", "read_feather"),
    ("b = b'\\xff\\xff\\xff\\xff\\x78\\0\\0\\0' + bytes(100)", "an Arrow stream", "open_stream"),
    ("b = b'%PDF-1.4\\n%abc\\n1 0 obj'", "a PDF document", "pdftotext "),
    ("b = b'\\x89PNG\\r\\n\\x1a\\n' + bytes(20)", "a picture (PNG)", "leave this file out"),
    ("b = b'\\xff\\xd8\\xff\\xe0\\0\\x10JFIF\\0' + bytes(20)", "a picture (JPEG)", "leave this file out"),
    ("b = b'7z\\xbc\\xaf\\x27\\x1c\\0\\4' + bytes(20)", "a 7z archive", "7z x "),
    ("b = b'\\x04\\x22\\x4d\\x18\\x64\\x40' + bytes(20)", "an LZ4 file", "lz4 -dk "),
    ("b = b'{\\\\rtf1\\\\ansi text}'", "an RTF document", "soffice "),
    ("b = b'version https://git-lfs.github.com/spec/v1\\noid sha256:1\\n'", "Git LFS", "git lfs pull"),
    ("b = b'\\x93NUMPY\\1\\0' + bytes(20)", "a NumPy array", "Python"),
    ("b = bytes(range(256)) * 4", "is not text: it has NUL", "leave this file out"),
    ("b = b'one more line\\n' * 100 + b'one\\0two\\0three\\0'", "has NUL or other control", "tr -d"),
  ]) func contentThatIsNoText(script: String, kind: String, mend: String) throws {
    try Python.run(script + "\nopen('a.txt', 'wb').write(b)", in: folder)
    #expect(complaint("a.txt").contains(kind), "\(complaint("a.txt"))")
    #expect(complaint("a.txt").contains(mend), "\(complaint("a.txt"))")
    // An encoding that the user names does not make text of it.
    #expect(!complaint("a.txt") { $0.encoding = TextEncoding("windows-1251") }.isEmpty)
    #expect(failureMessage { _ = try TranslationPairs(.table(folder.file("a.txt"))) }.contains(kind))
  }

  /// A few NULs in a long text are an accident, as a few invalid bytes are.
  @Test func aFewNULsAreText() throws {
    let line = Array("one more line\n".utf8)
    let bytes = (0..<400).flatMap { _ in line } + Array("a\0b\0c".utf8)
    try Data(bytes).write(to: folder.file("a.txt"))
    #expect(complaint("a.txt").isEmpty, "\(complaint("a.txt"))")
  }

  /// Words that begin as such files do are text, and so are compressed names without compressed content.
  @Test(arguments: ["ORCs are many.", "BZhou went home.", "PAR1 is a word.", "GIF89a", "ID3", "PK", "%PDQ"])
  func textThatBeginsLikeOtherContent(text: String) throws {
    for name in ["a.txt", "a.txt.gz", "a.zst", "a"] {
      try folder.write(text, to: name)
      #expect(try read(name) == [Document(text: Array(text.utf8))])
    }
  }

  @Test func compressedUnderAnyName() throws {
    try Python.run(
      "import gzip; open('a.txt', 'wb').write(gzip.compress(gzip.compress(b'one\\n\\ntwo')))", in: folder)
    try Data(ZstdFrame.compress(Array("one\n\ntwo".utf8), level: 3)).write(to: folder.file("b"))
    for name in ["a.txt", "b"] {
      #expect(try read(name).map(\.text) == [Array("one".utf8), Array("two".utf8)])
    }
  }

  // MARK: JSON

  @Test(arguments: ["a.ndjson", "a.json", "a.jsonl", "a.txt", "a"]) func linesOfObjects(name: String) throws {
    let rows = (0..<50).map { "{\"id\": \($0), \"text\": \"tale \($0)\"}" }
    for (lineEnd, before) in [("\n", ""), ("\r\n", "\u{FEFF}"), ("\r", "\n\n"), ("\n\n", " ")] {
      try folder.write(before + rows.joined(separator: lineEnd), to: name)
      #expect(try read(name).map(\.text) == (0..<50).map { Array("tale \($0)".utf8) })
    }
    try Python.run(
      "import sys; t = open(sys.argv[1]).read(); open(sys.argv[1], 'w', encoding='utf-16').write(t)", name,
      in: folder)
    #expect(try read(name).count == 50)
  }

  @Test(arguments: ["a.json", "a.jsonl", "a.txt"], [nil, 2])
  func jsonThatIsNoObjectALine(name: String, indent: Int?) throws {
    let script = """
      import json, sys
      rows = [{'id': i, 'text': 'x' * 100} for i in range(2000)]
      json.dump(rows if sys.argv[2] == 'array' else rows[0], open(sys.argv[1], 'w'), indent=eval(sys.argv[3]))
      """
    let argument = indent.map { "\($0)" } ?? "None"
    try Python.run(script, name, "array", argument, in: folder)
    #expect(complaint(name).contains("\(name): is a JSON array; write one object a line: jq -c '.[]' "))
    try Python.run(script, name, "object", argument, in: folder)
    if indent == nil {
      #expect(try read(name).count == 1)
    } else {
      #expect(complaint(name).contains("\(name): is JSON whose objects go over several lines; "))
      #expect(complaint(name).contains("jq -c . "))
    }
  }

  /// What is wrong in the first line is said, not read as text.
  @Test func aFirstLineThatIsWrong() throws {
    try folder.write("{\"text\":\"x\",\"score\":NaN}\n{\"text\":\"y\"}\n", to: "a")
    #expect(complaint("a").contains("a:1: has NaN, which is not JSON, at column 21"))
    try folder.write("{\"text\":\"x\"\n{\"text\":\"y\"}\n", to: "b")
    #expect(complaint("b").contains("b:1: lacks a comma or a closing brace, at column 12"))
  }

  @Test(arguments: [
    "{ braces } in text\nmore", "[1] A note\n[2] Another", "[\"Hello,\" she said]\nmore", "{\n}\n", "{",
  ])
  func textInBrackets(text: String) throws {
    try folder.write(text, to: "a.txt")
    if text != "{\n}\n" {
      #expect(try read("a.txt").map { String(decoding: $0.text, as: UTF8.self) } == [text])
    }
  }
}
