import ClozeCore
import ClozeTestSupport
import Foundation
import Testing

/// Folders that somebody else filled: links lead no write astray, and pipes let nobody wait.
@Suite struct RegularFileTests {
  private let folder: TemporaryFolder
  private let precious: URL

  init() throws {
    folder = try TemporaryFolder()
    precious = try folder.write("precious", to: "precious")
  }

  private func plant(_ name: String) throws -> URL {
    let url = folder.file(name)
    try FileManager.default.createSymbolicLink(at: url, withDestinationURL: precious)
    return url
  }

  private func pipe(_ name: String) throws -> URL {
    let url = folder.file(name)
    try #require(mkfifo(url.path, 0o600) == 0)
    return url
  }

  private func expectUntouched() throws { #expect(try Data(contentsOf: precious) == Data("precious".utf8)) }

  @Test func anAtomicFileFollowsNoLink() throws {
    _ = try plant("value.partial")
    try AtomicFile.write(Data("new".utf8), to: folder.file("value"))
    try expectUntouched()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    #expect(names == ["precious", "value"])
    var status = stat()
    #expect(lstat(folder.file("value").path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG)
    #expect(try Data(contentsOf: folder.file("value")) == Data("new".utf8))
  }

  @Test func anAppendedFileFollowsNoLink() throws {
    let url = try plant("journal")
    let file = try AppendedFile(url)
    try file.append(Array("new".utf8))
    try expectUntouched()
    #expect(try Data(contentsOf: url) == Data("new".utf8))
  }

  /// The link's file has just the bytes of the mark, and more that would be cut off.
  @Test func goingOnFollowsNoLink() throws {
    let mark = AppendedFile.Mark(length: 3, digest: Digest(of: "pre"))
    #expect(AppendedFile(try plant("journal"), goingOnAfter: mark) == nil)
    try expectUntouched()
    try #require(AppendedFile(precious, goingOnAfter: mark) != nil)
  }

  @Test func aRunLogFollowsNoLink() throws {
    let url = try plant("metrics.jsonl")
    #expect(
      failureMessage { try RunLog(url).append(["step": 1]) }.contains(
        "metrics.jsonl: cannot be written (a symbolic link is in its place); "))
    try expectUntouched()
  }

  @Test func aPipeIsNotWaitedFor() throws {
    let url = try pipe("index.json")
    for read in [{ _ = try Data(file: url) }, { _ = try Digest.ofFile(url) }, { _ = try RunLog(url) }] {
      #expect(failureMessage(read).contains("index.json: is a pipe or a device; put a file there"))
    }
    #expect(AppendedFile(url, goingOnAfter: .init(length: 0, digest: Digest(of: ""))) == nil)
  }

  /// What a link leads to may be read.
  @Test func aLinkIsRead() throws {
    #expect(try Data(file: plant("link")) == Data("precious".utf8))
    #expect(try Digest.ofFile(folder.file("link")).digest == Digest(of: "precious"))
  }
}
