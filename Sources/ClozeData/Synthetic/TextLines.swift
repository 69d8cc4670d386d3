package import ClozeCore
package import Foundation

/// The lines of several files, or of standard input, in full parts.
package struct TextLines {
  private var inputs: [InputLines]
  private var remaining: Int
  /// Lines that were looked at and not yet taken.
  private var pending: [String] = []

  /// - Parameters:
  ///   - files: none for standard input.
  ///   - limit: the most lines of all files together.
  package init(_ files: [URL], limit: Int? = nil) {
    inputs = files.isEmpty ? [InputLines()] : files.map { InputLines($0) }
    remaining = limit ?? .max
  }

  /// The number of lines that were not valid UTF-8.
  package private(set) var repairedLines = 0

  /// The next `count` lines; fewer only at the end.
  /// - Throws: `CorpusError`, `FileError`
  package mutating func next(_ count: Int) throws -> [String] {
    var lines = pending
    pending = []
    let wanted = min(count, remaining)
    while lines.count < wanted, !inputs.isEmpty {
      let before = inputs[0].repairedLines
      let found = try inputs[0].next(limit: wanted - lines.count)
      repairedLines += inputs[0].repairedLines - before
      if let found { lines += found } else { inputs.removeFirst() }
    }
    if lines.count > wanted {
      pending = Array(lines[wanted...])
      lines.removeSubrange(wanted...)
    }
    remaining -= lines.count
    return lines
  }

  /// The lines that the next call of `next(count)` will return.
  /// - Throws: `CorpusError`, `FileError`
  package mutating func peek(_ count: Int) throws -> [String] {
    let lines = try next(count)
    remaining += lines.count
    pending = lines
    return lines
  }

  /// The digest of all lines that are left, each with a line end.
  /// - Throws: `CorpusError`, `FileError`
  package mutating func digest() throws -> Digest {
    var builder = DigestBuilder()
    while true {
      let lines = try next(4096)
      if lines.isEmpty { return builder.finalize() }
      for line in lines { builder.update(line + "\n") }
    }
  }
}
