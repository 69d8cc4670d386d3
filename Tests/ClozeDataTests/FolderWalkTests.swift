import ClozeCore
import ClozeData
import ClozeTestSupport
import Foundation
import Testing

/// What lies under a folder is read whole, or the corpus is refused.
@Suite struct FolderWalkTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func names(_ input: String = "in", excluding excluded: String? = nil) throws -> [String] {
    let inputs = try CorpusInputs([folder.file(input).path], excluding: excluded.map { folder.file($0) })
    let prefix = folder.file(input).path + "/"
    return inputs.files.map { $0.name.replacing(prefix, with: "") }
  }

  private func complaint(_ input: String = "in") -> String { failureMessage { _ = try names(input) } }

  private func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder.file(name).path, withDestinationPath: target)
  }

  @Test func linksAreFollowed() throws {
    try folder.write("a", to: "in/a.txt")
    try folder.write("c", to: "elsewhere/sub/c.txt")
    try link("in/b", to: "../elsewhere")
    try link("in/d.txt", to: "../elsewhere/sub/../other.txt")
    try folder.write("d", to: "elsewhere/other.txt")
    #expect(try names() == ["a.txt", "b/other.txt", "b/sub/c.txt"])
    try link("link", to: "in")
    #expect(try names("link") == ["a.txt", "b/other.txt", "b/sub/c.txt"])
  }

  /// Whether through links or as hard links: the first path has it.
  @Test func circlesEndAndWhatIsMetTwiceIsReadOnce() throws {
    try folder.write("a", to: "in/b/a.txt")
    try link("in/b/up", to: "..")
    try link("in/b/here", to: ".")
    try link("in/a", to: "b")
    try link("in/z.txt", to: "b/a.txt")
    try FileManager.default.linkItem(at: folder.file("in/b/a.txt"), to: folder.file("in/b/twin.txt"))
    #expect(try names() == ["a/a.txt"])
    // By name it is read as often as it is named.
    let path = folder.file("in/z.txt").path
    #expect(try CorpusInputs([path, path]).files.count == 2)
  }

  /// As Python sorts the paths' bytes.
  @Test func theOrderIsThatOfThePathsBytes() throws {
    for name in [
      "a/1.txt", "a.txt", "a-/2.txt", "é.txt", "Z.txt", "a/b/3.txt", "a/b.txt", "我.jsonl", "a0.txt",
    ] {
      try folder.write(name, to: "in/\(name)")
    }
    let script = """
      import os
      paths = [os.path.join(d, f) for d, _, fs in os.walk(b'in') for f in fs]
      print('\\n'.join(p[3:].decode() for p in sorted(paths)), end='')
      """
    #expect(try names() == Python.run(script, in: folder).split(separator: "\n").map(String.init))
  }

  @Test func whichNamesAreText() throws {
    let suffixes = ["txt", "jsonl", "ndjson", "json"]
    let text = suffixes.flatMap { suffix in ["", ".gz", ".zst"].map { "a.\(suffix)\($0)" } } + ["B.TXT"]
    for name in text + [".hidden.txt", ".git/a.txt", "notes.md", "a.png"] {
      try folder.write("x", to: "in/\(name)")
    }
    #expect(try names().sorted() == text.sorted())
    // The others are told of, but for the hidden ones.
    let others = try CorpusInputs([folder.file("in").path]).others
    #expect(others.map { URL(fileURLWithPath: $0).lastPathComponent } == ["a.png", "notes.md"])
    // What is not unpacked here is met, and refused when it is read.
    try Python.run("import bz2; open('in/c.txt.bz2', 'wb').write(bz2.compress(b'text'))", in: folder)
    let inputs = try CorpusInputs([folder.file("in").path])
    #expect(failureMessage { try inputs.check(CorpusFormat()) }.contains("c.txt.bz2: is a bzip2 file"))
    try folder.write("x", to: "empty/a.md")
    #expect(complaint("empty").contains("empty: holds no .txt, .jsonl, .ndjson, .json file"))
  }

  @Test func whatCannotBeReadIsAnError() throws {
    try folder.write("a", to: "in/a.txt")
    try link("in/b.txt", to: "nowhere")
    #expect(complaint().contains("in/b.txt: is a link to a file that does not exist"))
    #expect(complaint("in/b.txt").contains("in/b.txt: is a link to a file that does not exist"))
    try FileManager.default.removeItem(at: folder.file("in/b.txt"))
    try link("in/loop", to: "loop")
    #expect(complaint().contains("in/loop: cannot be read (Too many levels of symbolic links)"))
    try FileManager.default.removeItem(at: folder.file("in/loop"))
    try Python.run("open(b'in/\\xff.txt', 'w').close()", in: folder)
    #expect(complaint().contains("in: holds a name that is not UTF-8"))
  }

  @Test func theDataFolderIsLeftOut() throws {
    try folder.write("a", to: "in/a.txt")
    try folder.write("b", to: "in/data/b.txt")
    try link("in/other", to: "data")
    #expect(try names(excluding: "in/data") == ["a.txt"])
  }
}
