internal import Foundation

/// A character encoding that the system's iconv converts from.
package struct TextEncoding: Sendable, Equatable {
  /// The name for iconv.
  package let name: String

  static let utf8 = TextEncoding(unchecked: "UTF-8")

  /// nil if iconv does not know the name.
  package init?(_ name: String) {
    // For iconv an empty name is the locale's encoding, and what follows a slash are options.
    guard !name.isEmpty, !name.contains("/"), TextConverter(from: name) != nil else { return nil }
    self.init(unchecked: name)
  }

  init(unchecked name: String) { self.name = name }

  /// The message for a name that iconv does not know.
  package static func unknown(_ name: String) -> String {
    "--encoding is '\(name)', which iconv does not know; choose such as gb18030, big5, shift_jis, euc-kr, "
      + "windows-1251, windows-1252 or utf-16le (`iconv -l` lists them all)"
  }

  var isUTF8: Bool { ["UTF-8", "UTF8"].contains(name.uppercased()) }

  /// The bytes of a code unit; as many are skipped if they are invalid.
  var unitLength: Int {
    let name = name.uppercased()
    if name.hasPrefix("UTF-32") || name.hasPrefix("UTF32") || name.hasPrefix("UCS-4") { return 4 }
    return name.hasPrefix("UTF-16") || name.hasPrefix("UTF16") || name.hasPrefix("UCS-2") ? 2 : 1
  }
}

/// Converts bytes to UTF-8, piece by piece. Invalid input becomes the byte FF, which is not valid UTF-8, so that the
/// reader counts or refuses it like any other invalid byte.
final class TextConverter {
  private let descriptor: iconv_t
  private let unitLength: Int

  /// nil if iconv does not know the encoding.
  init?(from encoding: String) {
    guard let opened = iconv_open("UTF-8", encoding), opened != iconv_t(bitPattern: -1) else { return nil }
    descriptor = opened
    unitLength = TextEncoding(unchecked: encoding).unitLength
  }

  deinit { iconv_close(descriptor) }

  /// Appends the converted `input` to `output`.
  /// - Parameter isLast: whether no more bytes follow; then an incomplete character at the end is invalid.
  /// - Returns: the number of bytes read; the rest is the beginning of a character that later bytes complete.
  func convert(_ input: ArraySlice<UInt8>, isLast: Bool, into output: inout [UInt8]) -> Int {
    var read = 0
    while read < input.count {
      let piece = input.dropFirst(read).prefix(TextConverter.pieceLength)
      let (taken, error) = convertValid(piece, into: &output)
      read += taken
      switch error {
      case EINVAL where read - taken + piece.count < input.count && taken > 0: break
      case EINVAL where !isLast: return read
      case EINVAL, EILSEQ:
        output.append(0xFF)
        read = min(input.count, read + unitLength)
      default: break
      }
    }
    if isLast { convertHeldBack(into: &output) }
    return read
  }

  /// Appends the letter that iconv holds back at the end, in encodings where a mark may follow it (Windows-1255, Windows-1258, TCVN).
  private func convertHeldBack(into output: inout [UInt8]) {
    let capacity = 64
    output += [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      var target = UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self)
      var left = capacity
      _ = iconv(descriptor, nil, nil, &target, &left)
      count = capacity - left
    }
  }

  /// The bytes of one conversion; an invalid byte costs at most the conversion of so many.
  private static let pieceLength = 1 << 12

  /// - Returns: the number of bytes converted, and the error that ended the conversion; 0 if all were converted.
  private func convertValid(_ input: ArraySlice<UInt8>, into output: inout [UInt8]) -> (Int, Int32) {
    var error: Int32 = 0
    var taken = 0
    // If the output is larger, the next call converts the rest.
    let capacity = 2 * input.count + 64
    output += [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      input.withUnsafeBytes { input in
        var source = UnsafeMutableRawPointer(mutating: input.baseAddress)?.assumingMemoryBound(to: CChar.self)
        var target = UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self)
        var (sourceLeft, targetLeft) = (input.count, capacity)
        if iconv(descriptor, &source, &sourceLeft, &target, &targetLeft) == -1 { error = errno }
        (taken, count) = (input.count - sourceLeft, capacity - targetLeft)
      }
    }
    return (taken, error)
  }
}

/// Converts a stream in another encoding to UTF-8.
final class ConvertedSource: ByteSource {
  private let source: any ByteSource
  private let converter: TextConverter
  /// The beginning of a character that the next piece completes.
  private var rest: [UInt8] = []
  private var skippedBytes: Int
  private var isAtEnd = false

  var file: FileSource { source.file }

  /// - Parameter skippedBytes: the length of the byte-order mark.
  /// - Throws: `CorpusError`
  init(_ source: any ByteSource, from encoding: String, skippedBytes: Int) throws {
    guard let converter = TextConverter(from: encoding) else {
      throw CorpusError.unknownEncoding(path: source.file.name, encoding: encoding)
    }
    self.source = source
    self.converter = converter
    self.skippedBytes = skippedBytes
  }

  func next() throws -> [UInt8] {
    var output: [UInt8] = []
    while output.isEmpty, !isAtEnd {
      let chunk = try source.next()
      isAtEnd = chunk.isEmpty
      rest += chunk
      if skippedBytes > 0, !isAtEnd {
        guard rest.count >= skippedBytes else { continue }
        rest.removeFirst(skippedBytes)
        skippedBytes = 0
      }
      rest.removeFirst(converter.convert(rest[...], isLast: isAtEnd, into: &output))
    }
    return output
  }
}
