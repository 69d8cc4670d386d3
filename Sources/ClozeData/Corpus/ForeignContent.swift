/// A kind of file that Cloze does not read as text: its name, and a command that converts it.
struct ForeignContent: Sendable, Equatable {
  let name: String
  /// The advice, with `FILE` for the file.
  let mend: String

  /// The kind that `bytes` begin like; nil if they are not in the table.
  init?(atStartOf bytes: [UInt8]) {
    func holds(_ pattern: [UInt8], at offset: Int = 0) -> Bool {
      bytes.count >= offset + pattern.count && bytes[offset..<offset + pattern.count].elementsEqual(pattern)
    }
    if holds(Array("PK\u{3}\u{4}".utf8)) || holds(Array("PK\u{5}\u{6}".utf8)) {
      self = ForeignContent.zip(bytes)
      return
    }
    // The length of a message follows, which is small.
    if holds([0xFF, 0xFF, 0xFF, 0xFF]), holds([0, 0], at: 6) {
      self.init(
        name: "an Arrow stream",
        mend:
          "write its text as JSON lines: python3 -c \"import pyarrow.ipc as a; a.open_stream('FILE').read_pandas()"
          + ".to_json('FILE.jsonl', orient='records', lines=True, force_ascii=False)\"")
      return
    }
    guard let row = ForeignContent.table.first(where: { holds($0.pattern, at: $0.offset) }),
      // A text may begin with the same few letters, but has no binary bytes.
      row.pattern.count > 4 || !row.pattern.allSatisfy(\.isPrintable) || bytes.contains(where: \.isBinary)
    else { return nil }
    self.init(name: row.name, mend: row.mend)
  }

  init(name: String, mend: String) {
    self.name = name
    self.mend = mend
  }

  /// The kind of a zip archive, by the names of its first files, which are not compressed.
  private static func zip(_ bytes: [UInt8]) -> ForeignContent {
    let text = String(decoding: bytes.prefix(1 << 12), as: UTF8.self)
    func has(_ names: String...) -> Bool { names.contains { text.contains($0) } }
    if has("application/epub+zip") {
      return .init(name: "an EPUB book", mend: "make text of it: pandoc -f epub -t plain -o FILE.txt FILE")
    }
    if has("vnd.oasis.opendocument") {
      return .init(
        name: "an OpenDocument file", mend: "make text of it: soffice --headless --convert-to txt:Text FILE")
    }
    if has("[Content_Types].xml", "word/", "docProps/") {
      return .init(
        name: "an Office document (docx, xlsx or pptx)",
        mend: "make text of it: soffice --headless --convert-to txt:Text FILE")
    }
    if has("data.pkl", ".npy") {
      return .init(name: "an archive of arrays (PyTorch or NumPy)", mend: "export its text with Python")
    }
    return .init(name: "a zip archive", mend: "unpack it: unzip FILE")
  }

  private struct Row {
    let pattern: [UInt8]
    let offset: Int
    let name: String
    let mend: String

    init(_ pattern: [UInt8], at offset: Int = 0, _ name: String, _ mend: String) {
      (self.pattern, self.offset, self.name, self.mend) = (pattern, offset, name, mend)
    }

    init(_ pattern: String, at offset: Int = 0, _ name: String, _ mend: String) {
      self.init(Array(pattern.utf8), at: offset, name, mend)
    }
  }

  private static func table(_ reader: String) -> String {
    "write its text as JSON lines: python3 -c \"import pandas; "
      + "pandas.\(reader)('FILE').to_json('FILE.jsonl', orient='records', lines=True, force_ascii=False)\""
  }
  private static let noText = "give the text itself, and leave this file out"

  /// Source: `file`'s magic numbers, and each format's own description.
  private static let table: [Row] = [
    // Compressed files and archives.
    Row("BZh", "a bzip2 file", "unpack it: bunzip2 -k FILE"),
    Row([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "an xz file", "unpack it: xz -dk FILE"),
    Row([0x5D, 0, 0], "an lzma file", "unpack it: xz --format=lzma -dc FILE > FILE.txt"),
    Row("LZIP", "an lzip file", "unpack it: lzip -dk FILE"),
    Row([0x04, 0x22, 0x4D, 0x18], "an LZ4 file", "unpack it: lz4 -dk FILE FILE.txt"),
    Row([0x89, 0x4C, 0x5A, 0x4F, 0], "an lzop file", "unpack it: lzop -d FILE"),
    Row([0x1F, 0x9D], "a file of Unix compress", "unpack it: gzip -dc FILE > FILE.txt"),
    Row([0x1F, 0xA0], "a file of Unix compress", "unpack it: gzip -dc FILE > FILE.txt"),
    Row(
      [0xFF, 0x06, 0, 0] + Array("sNaPpY".utf8), "a Snappy file",
      "unpack it: python3 -m snappy -d FILE FILE.txt"),
    Row([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "unpack it: 7z x FILE"),
    Row("Rar!\u{1A}\u{7}", "a RAR archive", "unpack it: unrar x FILE"),
    Row("ustar", at: 257, "a tar archive", "unpack it: tar -xf FILE"),
    Row("!<arch>\n", "an ar archive or a Debian package", "unpack it: ar x FILE"),
    Row("MSCF", "a cabinet archive", "unpack it: cabextract FILE"),
    // Tables and arrays.
    Row("PAR1", "a Parquet file", table("read_parquet")),
    Row("ARROW1\0\0", "an Arrow file", table("read_feather")),
    Row("FEA1", "a Feather file", table("read_feather")),
    Row("ORC", "an ORC file", table("read_orc")),
    Row("Obj\u{1}", "an Avro file", "write its text as JSON lines: avro cat FILE > FILE.jsonl"),
    Row([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A], "an HDF5 file", "export its text with Python's h5py"),
    Row([0x93] + Array("NUMPY".utf8), "a NumPy array", "export its text with Python"),
    Row("SQLite format 3\0", "an SQLite database", "export its text: sqlite3 FILE"),
    Row([0x80, 0x02], "a Python pickle", "export its text with Python"),
    Row([0x80, 0x03], "a Python pickle", "export its text with Python"),
    Row([0x80, 0x04, 0x95], "a Python pickle", "export its text with Python"),
    Row([0x80, 0x05, 0x95], "a Python pickle", "export its text with Python"),
    Row("GGUF", "a model in GGUF", noText),
    // Documents.
    Row("%PDF-", "a PDF document", "make text of it: pdftotext FILE"),
    Row("%!PS", "a PostScript document", "make text of it: ps2ascii FILE > FILE.txt"),
    Row("{\\rtf", "an RTF document", "make text of it: soffice --headless --convert-to txt:Text FILE"),
    Row(
      [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "an older Office document (doc, xls or ppt)",
      "make text of it: soffice --headless --convert-to txt:Text FILE"),
    Row("AT&TFORM", "a DjVu document", "make text of it: djvutxt FILE FILE.txt"),
    Row("ITSF", "a help file (chm)", "make text of it: extract_chmLib FILE FOLDER"),
    Row("BOOKMOBI", at: 60, "a Kindle book", "make text of it: ebook-convert FILE FILE.txt"),
    Row(
      "version https://git-lfs.github.com/spec/", "only the pointer to a file in Git LFS",
      "fetch the file itself: git lfs pull"),
    // Programs, pictures, sound.
    Row([0x7F, 0x45, 0x4C, 0x46], "a program (ELF)", noText),
    Row([0xCA, 0xFE, 0xBA, 0xBE], "a compiled class or program", noText),
    Row([0xCF, 0xFA, 0xED, 0xFE], "a program (Mach-O)", noText),
    Row("\0asm", "a WebAssembly program", noText),
    Row([0x89, 0x50, 0x4E, 0x47], "a picture (PNG)", noText),
    Row([0xFF, 0xD8, 0xFF], "a picture (JPEG)", noText),
    Row("GIF8", "a picture (GIF)", noText),
    Row([0x49, 0x49, 0x2A, 0], "a picture (TIFF)", noText),
    Row([0x4D, 0x4D, 0, 0x2A], "a picture (TIFF)", noText),
    Row("WEBP", at: 8, "a picture (WebP)", noText),
    Row("WAVE", at: 8, "sound (WAV)", noText),
    Row("ftyp", at: 4, "a film or a picture (MP4, HEIC)", noText),
    Row("OggS\0", "sound (Ogg)", noText),
    Row("fLaC\0", "sound (FLAC)", noText),
    Row("ID3\u{3}", "sound (MP3)", noText),
    Row("ID3\u{4}", "sound (MP3)", noText),
    Row([0x1A, 0x45, 0xDF, 0xA3], "a film (Matroska)", noText),
  ]
}

extension UInt8 {
  fileprivate var isPrintable: Bool { (0x20..<0x7F).contains(self) }

  /// Whether it is a control character that plain text does not have. BEL, BS, ESC and white space occur in logs of
  /// terminals.
  var isBinary: Bool { self < 0x20 && !(0x07...0x0D).contains(self) && self != 0x1B }
}
