package import ClozeCore
package import Foundation

/// The lines of a journal, in their order. Each is the JSON of an event, and ends with the digest of all bytes before that:
///
///     {"event":"measured","loss":5.31,…,"digest":"0123456789abcdef"}
///
/// So a line that was changed, exchanged with another one, or taken out before the last one does not pass.
package struct JournalLines: ~Copyable {
  /// Of the lines so far.
  private var digest = DigestBuilder()
  private let encoder = JSONEncoder()
  private static let beforeDigest = #","digest":""#
  /// Hexadecimal digits.
  private static let digestLength = 16

  package init() { encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes] }

  /// The next line, with its line feed.
  package mutating func line(_ event: SearchEvent) throws -> [UInt8] {
    // Without the closing brace.
    let body = String(decoding: try encoder.encode(event).dropLast(), as: UTF8.self)
    return Array((body + end(of: body) + "\n").utf8)
  }

  /// The event of the next line, which is given without its line feed; nil if it is none, or does not follow.
  package mutating func event(_ line: Data) -> SearchEvent? {
    let text = String(decoding: line, as: UTF8.self)
    guard let place = text.range(of: Self.beforeDigest, options: .backwards)?.lowerBound,
      text[place...] == end(of: String(text[..<place]))
    else { return nil }
    return try? JSONDecoder().decode(SearchEvent.self, from: line)
  }

  /// The digest of all lines so far and of `body`, the beginning of the next one, as that line ends with it. Adds the whole line
  /// to those so far.
  private mutating func end(of body: String) -> String {
    digest.update(body)
    let end = "\(Self.beforeDigest)\(digest.digestSoFar.hex.prefix(Self.digestLength))\"}"
    digest.update(end + "\n")
    return end
  }
}
