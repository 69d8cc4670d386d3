import ClozeCore
import ClozeTestSupport
import Foundation
import Testing

/// Small files that begin with a byte-order mark, as editors write them. The bytes are Python's.
@Suite struct ByteOrderMarkTests {
  private struct Settings: Configuration {
    var steps = 1
    var name = ""
    func validate() throws {}
  }

  @Test(arguments: ["utf-8", "utf-8-sig", "utf-16", "utf-32"]) func settings(encoding: String) throws {
    let folder = try TemporaryFolder()
    let script = "import sys; open('a.yaml', 'w', encoding=sys.argv[1]).write('steps: 7\\nname: 我é')"
    try Python.run(script, encoding, in: folder)
    let settings = try Settings.load(file: folder.file("a.yaml"), overrides: [])
    #expect(settings.steps == 7 && settings.name == "我é")
  }

  @Test func marks() throws {
    #expect(ByteOrderMark(atStartOf: [0xFF, 0xFE, 0x41, 0]) == .utf16LE)
    #expect(ByteOrderMark(atStartOf: [0xFF, 0xFE, 0, 0]) == .utf32LE)
    #expect(ByteOrderMark(atStartOf: [0xEF, 0xBB]) == nil && ByteOrderMark(atStartOf: []) == nil)
    let folder = try TemporaryFolder()
    try Data([0xFF, 0xFE, 0x00, 0xD8, 0x41, 0]).write(to: folder.file("half.json"))
    #expect(
      failureMessage { _ = try Data(textFile: folder.file("half.json")) }.contains(
        "byte-order mark says UTF-16LE"))
  }
}
