import Foundation

/// Python's own codecs, archives and compressors, as a reference and to make files with.
package enum Python {
  /// Runs a script in `folder`.
  /// - Returns: what it prints.
  @discardableResult
  package static func run(_ script: String, _ arguments: String..., in folder: TemporaryFolder) throws
    -> String
  {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    process.currentDirectoryURL = folder.url
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.featureUnsupported) }
    return text
  }
}
