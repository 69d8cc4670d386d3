package import ArgumentParser
package import ClozeCore
internal import Foundation

/// Options that every tool has.
package struct CommonOptions: ParsableArguments {
  @Flag(name: .long, help: "Print no progress, only results and warnings.")
  package var quiet = false

  package init() {}
}

/// Options of the tools that read settings from a file.
package struct ConfigurationOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("A YAML file with settings.", valueName: "file"))
  package var config: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Override one setting, such as optimizer.learningRate=3e-4; may be repeated.", valueName: "key=value"))
  package var overrides: [String] = []

  package init() {}

  /// The defaults, the file and the overrides, merged and checked.
  /// - Parameters:
  ///   - options: overrides that other options stand for.
  ///   - defaults: defaults that are others here, as `key=value`.
  package func load<Settings: Configuration>(
    _ type: Settings.Type, options: [String] = [], defaults: [String] = []
  ) throws -> Settings {
    try Settings.load(
      file: config.map { URL(fileURLWithPath: $0) }, overrides: overrides + options, defaults: defaults)
  }
}

/// Options of the tools that write a run folder.
package struct ResumeOptions: ParsableArguments {
  @Flag(
    name: .long,
    help:
      "Continue what is in the output folder: a run from its newest whole checkpoint, a study where it ended."
  )
  package var resume = false

  @Flag(name: .long, help: "Resume the run in the output folder, or begin one if there is none.")
  package var resumeOrStart = false

  package var mode: ResumeMode { resumeOrStart ? .ifPresent : resume ? .required : .never }

  package init() {}
}

/// A command-line tool. An error becomes one line on standard error and an exit status.
package protocol Tool: ParsableCommand {
  /// Does the work; `run()` reports the error that it throws.
  mutating func execute() throws
}

extension Tool {
  package mutating func run() throws {
    // With SIGXFSZ ignored, reaching the limit on the size of files is an error of `write`, too.
    signal(SIGXFSZ, SIG_IGN)
    do {
      try execute()
    } catch is ClosedPipeError {
      // `translate | head -1`: the reader has all the lines that it wants.
      throw ArgumentParser.ExitCode.success
    } catch let failure as any Failure {
      Self.report("\(failure)")
      throw ArgumentParser.ExitCode(failure.exitStatus.rawValue)
    } catch let exit as ArgumentParser.ExitCode {
      throw exit
    } catch let error as ValidationError {
      throw error
    } catch {
      // Every expected error is a `Failure`, so this one is a defect of Cloze.
      Self.report("\(error); this is a defect of Cloze, please report it")
      throw ArgumentParser.ExitCode(ExitStatus.software.rawValue)
    }
  }

  private static func report(_ text: String) {
    let line = "\(configuration.commandName ?? "cloze"): \(text)"
    Console.error(PrintableText.shorten(PrintableText.escape(line)))
  }

  /// Replaces the parser's `main`, which prints wrong arguments unescaped (a pattern may expand to any file name), in several lines,
  /// and does not notice when help could not be written.
  package static func main() {
    StandardStreams.reserve()
    // With SIGPIPE ignored, a closed pipe (`translate | head`) is an error of `write` instead of a signal.
    signal(SIGPIPE, SIG_IGN)
    do {
      try EmptyArgument.refuse(in: CommandLine.arguments.dropFirst())
      try RepeatedOption.refuse(in: CommandLine.arguments.dropFirst(), of: Self.self)
      var command = try parseAsRoot()
      try command.run()
    } catch let status as ArgumentParser.ExitCode {
      exit(withError: status)
    } catch {
      let code = exitCode(for: error)
      if code.isSuccess {
        printHelp(fullMessage(for: error))
      } else {
        report("\(message(for: error)); see \(configuration.commandName ?? "cloze") --help")
      }
      exit(withError: code)
    }
  }

  private static func printHelp(_ text: String) {
    do {
      try StandardOutput.writeLine(text)
    } catch let failure as any Failure {
      report("\(failure)")
      exit(withError: ArgumentParser.ExitCode(failure.exitStatus.rawValue))
    } catch {
      // The reader of the pipe has seen enough.
    }
  }
}

/// Writes progress, warnings and errors to standard error, escaped, since names and texts in them may come from
/// outside.
package enum Console {
  package static func error(_ line: String) { write(PrintableText.escape(line, keepsLines: true) + "\n") }

  /// Ignores errors: a closed standard error must not end a run. `FileHandle` would trap.
  package static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        let count = Foundation.write(
          STDERR_FILENO, bytes.baseAddress.map { $0 + written }, bytes.count - written)
        if count < 0, errno == EAGAIN {
          StandardStreams.waitToWrite(STDERR_FILENO)
        } else if count < 0, errno != EINTR {
          return
        }
        written += max(0, count)
      }
    }
  }

  /// Prints a warning; the run continues.
  package static func warning(_ line: String) {
    error("warning: " + line)
  }
}
