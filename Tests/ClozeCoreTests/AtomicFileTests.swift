import ClozeCore
import ClozeTestSupport
import Foundation
import Testing

@Suite struct AtomicFileTests {
  @Test func writtenWholeOrNotAtAll() throws {
    let folder = try TemporaryFolder()
    let url = folder.file("value")
    try AtomicFile.write(Data("one".utf8), to: url)
    do {
      var file = try AtomicFile(url)
      try file.write(Data("two".utf8))
      // Dropped without commit.
    }
    #expect(try Data(contentsOf: url) == Data("one".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["value"])
  }

  @Test func folderIsReplacedInOneStep() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    let url = folder.file("model")
    try Folder.createAtomically(url) {
      try AtomicFile.write(Data("1".utf8), to: $0.appendingPathComponent("a"))
    }
    try Folder.createAtomically(url) {
      try AtomicFile.write(Data("2".utf8), to: $0.appendingPathComponent("b"))
    }
    #expect(throws: Stop.self) { try Folder.createAtomically(url) { _ in throw Stop() } }
    #expect(try FileManager.default.contentsOfDirectory(atPath: url.path) == ["b"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["model"])
  }

  /// `/dev/full` fails every write with ENOSPC.
  @Test func fullDiskIsNamed() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    defer { close(descriptor) }
    #expect(write(descriptor, "x", 1) == -1)
    #expect("\(FileError.writing("out"))".contains("out: the disk is full"))
  }

  @Test func readingSaysWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    #expect(failureMessage { _ = try Data(file: folder.file("none")) }.contains("does not exist"))
    #expect(failureMessage { _ = try Data(file: folder.url) }.contains("is a directory"))
  }

  /// FIPS 180-4's example message.
  @Test func digestOfKnownMessage() {
    #expect(
      Digest(of: "abc").hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(hex: "ba78") == nil)
  }
}
