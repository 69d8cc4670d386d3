/// Text from outside, as it may be shown on a terminal.
package enum PrintableText {
  /// `text` with every character that a terminal obeys rather than shows, or that hides or turns around what stands
  /// beside it, as `\u{1B}`: controls and escapes, marks of direction and other format characters, line and paragraph
  /// separators, private and unassigned ones. Line ends and tabs too, unless `keepsLines`.
  package static func escape(_ text: String, keepsLines: Bool = false) -> String {
    var printable = ""
    printable.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if isShown(scalar) || keepsLines && (scalar == "\n" || scalar == "\t") {
        printable.unicodeScalars.append(scalar)
      } else {
        printable += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return printable
  }

  /// `text` without its middle where it is longer than anybody reads: a name from outside may have megabytes.
  package static func shorten(_ text: String) -> String {
    // By scalars: one character may have any number of them.
    let scalars = text.unicodeScalars
    return scalars.count <= 2000 ? text : String(scalars.prefix(1000)) + " … " + String(scalars.suffix(500))
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
    default: true
    }
  }
}
