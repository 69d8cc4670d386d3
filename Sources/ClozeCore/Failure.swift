/// What a tool's exit status says, after BSD's `sysexits.h`.
package enum ExitStatus: Int32, Sendable {
  /// The command line or the configuration is wrong.
  case usage = 64
  /// The input data is wrong.
  case data = 65
  /// A defect of Cloze's own.
  case software = 70
  /// Reading or writing failed.
  case inputOutput = 74
}

/// An error from the outside world. Its text reads `where: what is wrong; what to do`.
package protocol Failure: Error, CustomStringConvertible, Sendable {
  var exitStatus: ExitStatus { get }
}
