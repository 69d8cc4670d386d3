/// Makes text from outside safe to show on a terminal.
package enum PrintableText {
  /// `text` with every character escaped, as `\u{1B}`, that could control the terminal or hide or reorder other text:
  /// controls, direction marks and other format characters, line and paragraph separators, private and unassigned ones.
  /// Line ends and tabs are escaped too, unless `keepsLines`.
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

  /// `text` without its middle if it is very long: a name from outside may have megabytes.
  package static func shorten(_ text: String) -> String {
    // Counted in scalars, since one character may have any number of them.
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
