import Foundation
import Testing

/// What programs have left behind, read for comparison.
extension Workplace {
  /// The bytes of every file under a folder by its path there; links are followed to files and not to folders.
  func contents(_ folder: String) throws -> [String: Data] {
    let names = FileManager.default.enumerator(atPath: self.folder.file(folder).path)?
      .compactMap { $0 as? String }
    var contents: [String: Data] = [:]
    for name in try #require(names) where (try? self.names("\(folder)/\(name)")) == nil {
      contents[name] = try bytes("\(folder)/\(name)")
    }
    return contents
  }

  /// Expects two folders to hold the same files.
  func expectEqual(_ folder: String, _ other: String, location: SourceLocation = #_sourceLocation) throws {
    let (found, expected) = (try contents(folder), try contents(other))
    #expect(!expected.isEmpty, sourceLocation: location)
    #expect(found.keys.sorted() == expected.keys.sorted(), sourceLocation: location)
    for (name, bytes) in expected { #expect(found[name] == bytes, "\(name)", sourceLocation: location) }
  }

  /// The lines of a file, blank ones left out.
  func lines(_ name: String) throws -> [String] {
    String(decoding: try bytes(name), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The rows of a table that a program ends with, by their names. Rows without a name are left out.
  func table(_ output: String) throws -> [String: String] {
    var rows: [String: String] = [:]
    for line in output.split(separator: "\n") where !line.hasPrefix(" ") {
      let match = try #require(line.wholeMatch(of: /(\S+(?: \S+)*) {2,}(.+)/), "\(line)")
      rows[String(match.1)] = String(match.2)
    }
    return rows
  }
}
