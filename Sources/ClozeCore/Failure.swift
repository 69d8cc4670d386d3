/// The exit statuses of the tools, from BSD's `sysexits.h`.
package enum ExitStatus: Int32, Sendable {
  /// A wrong command line or wrong settings.
  case usage = 64
  /// Wrong input data.
  case data = 65
  /// A defect of Cloze.
  case software = 70
  /// A failed read or write.
  case inputOutput = 74
}

/// An expected error, caused from outside. Its text reads `where: what is wrong; what to do`.
package protocol Failure: Error, CustomStringConvertible, Sendable {
  var exitStatus: ExitStatus { get }
}
