internal import ClozeCore
internal import Foundation

/// An opened text: its format is known, and its bytes are inflated and converted to UTF-8.
struct OpenedText {
  private(set) var source: any ByteSource
  /// The first bytes of the text, which were already read from the source.
  private(set) var chunk: [UInt8]
  /// The offset of the first byte of `chunk` in the text.
  private(set) var offset: Int
  /// The encoding of the file; nil for UTF-8.
  let conversion: TextEncoding?
  /// The first bytes of the text before conversion.
  let beginning: [UInt8]
  /// The length of a plain UTF-8 file; nil if the length is known only after reading.
  let byteCount: Int?
  let shape: JSONShape
  private let isPacked: Bool
  private let canChoose: Bool

  /// Data that is compressed more often is refused.
  private static let deepestPacking = 3

  /// - Parameters:
  ///   - file: at its beginning.
  ///   - encoding: of a text without a byte-order mark; nil if the user named none.
  ///   - canChoose: whether the tool has an option for the encoding, which messages then name.
  ///   - count: the number of first bytes that are enough to decide what they are.
  /// - Throws: `CorpusError`, `FileError`
  init(
    _ file: FileSource, encoding: TextEncoding?, canChoose: Bool,
    count: (_ bytes: [UInt8]) -> Int = { _ in FileContent.examinedBytes }
  ) throws {
    var source = try PeekedSource(file, count: count)
    var content = FileContent(source.beginning, encoding: encoding)
    var packings = 0
    while content == .gzip || content == .zstd {
      packings += 1
      guard packings <= OpenedText.deepestPacking else { throw CorpusError.packedTooOften(path: file.name) }
      source = try PeekedSource(
        content == .gzip ? GzipSource(source) : ZstdSource(source), count: count)
      content = FileContent(source.beginning, encoding: encoding)
    }
    beginning = source.beginning
    isPacked = packings > 0
    self.canChoose = canChoose
    switch content {
    case .text(let encoding, let mark) where encoding.isUTF8:
      conversion = nil
      let head = try source.next()
      offset = mark?.bytes.count ?? 0
      chunk = Array(head.dropFirst(offset))
      shape = JSONShape(head.dropFirst(offset).prefix(FileContent.examinedBytes), isWhole: source.isWhole)
      byteCount = packings == 0 && file.byteCount > 0 ? file.byteCount : nil
      self.source = source
    case .text(let encoding, let mark):
      conversion = encoding
      let converted = try PeekedSource(
        ConvertedSource(source, from: encoding.name, skippedBytes: mark?.bytes.count ?? 0), count: count)
      chunk = try converted.next()
      offset = 0
      shape = JSONShape(chunk.prefix(FileContent.examinedBytes), isWhole: converted.isWhole)
      byteCount = nil
      self.source = converted
    case .unmarked(let unicode):
      throw CorpusError.unmarked(path: file.name, encoding: unicode.name, canChoose: canChoose)
    case .foreign(let content):
      throw CorpusError.foreign(
        path: file.name, content: content.name, mend: content.mend, isPacked: packings > 0)
    case .binary(let few): throw CorpusError.binary(path: file.name, few: few)
    case .gzip, .zstd: preconditionFailure("compressed data were inflated")
    }
  }

  /// Continues at byte `place` of the text: a plain UTF-8 file by a seek, any other by reading from the beginning.
  /// - Throws: `CorpusError.changed` if the text ends before; `CorpusError`, `FileError`
  mutating func skip(to place: Int) throws {
    if byteCount != nil {
      try source.file.seek(to: place)
      (source, chunk, offset) = (source.file, [], place)
    }
    while offset < place {
      if chunk.isEmpty {
        chunk = try source.next()
        guard !chunk.isEmpty else { throw CorpusError.changed(inputs: source.file.name) }
      }
      let count = min(chunk.count, place - offset)
      chunk.removeFirst(count)
      offset += count
    }
  }

  /// The place of the invalid byte at `offset`.
  func invalidPlace(_ offset: Int) -> InvalidPlace {
    InvalidPlace(
      path: source.file.name, offset: offset,
      stream: conversion == nil ? isPacked ? "of the inflated text " : "" : "of the converted text ",
      encoding: conversion?.name ?? "UTF-8", canChoose: canChoose)
  }
}
