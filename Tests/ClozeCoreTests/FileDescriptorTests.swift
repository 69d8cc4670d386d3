import ClozeCore
import ClozeTestSupport
import Foundation
import Testing

/// Folders that somebody else filled: links lead no write astray, and pipes let nobody wait.
@Suite struct FileDescriptorTests {
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
  @Test func resumingFollowsNoLink() throws {
    let mark = AppendedFile.Mark(length: 3, digest: Digest(of: "pre"))
    #expect(AppendedFile(try plant("journal"), resumingAt: mark) == nil)
    try expectUntouched()
    try #require(AppendedFile(precious, resumingAt: mark) != nil)
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
    #expect(AppendedFile(url, resumingAt: .init(length: 0, digest: Digest(of: ""))) == nil)
  }

  /// What a link leads to may be read.
  @Test func aLinkIsRead() throws {
    #expect(try Data(file: plant("link")) == Data("precious".utf8))
    #expect(try Digest.ofFile(folder.file("link")).digest == Digest(of: "precious"))
  }

  /// Of a large file, which is mapped, as of a small one; of a part across two pieces, too.
  @Test(arguments: [0, 1, 1 << 20, (1 << 24) + 5]) func allBytesAreRead(count: Int) throws {
    let bytes = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
    let url = folder.file("bytes")
    try bytes.write(to: url)
    #expect(try Data(file: url) == bytes)
    let file = try FileDescriptor(reading: url.path)
    #expect(try file.digest() == Digest(of: bytes))
    var part = Data()
    try file.visit(count / 3..<count) { part.append(contentsOf: $0) }
    #expect(part == bytes.suffix(from: count / 3))
    #expect(failureMessage { try file.visit(0..<count + 1) { _ in } }.contains("it has become shorter"))
  }

  @Test func aFolderHasOneWriter() throws {
    for name in [nil, "run.lock"] {
      let lock = { [folder] in
        try name.map { try FolderLock(folder.url, fileName: $0) } ?? FolderLock(folder.url)
      }
      do {
        let first = try lock()
        #expect(throws: FolderLock.Held.self) { _ = try lock() }
        withExtendedLifetime(first) {}
      }
      _ = try lock()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["precious"])
    }
    #expect(failureMessage { _ = try FolderLock(folder.file("nowhere")) }.contains("does not exist"))
    #expect(failureMessage { _ = try FolderLock(precious) }.contains("precious: is not a directory"))
  }

  @Test func theLockOfARunNamesItsProcess() throws {
    let run = folder.file("run")
    do {
      let lock = try FolderLock(run, fileName: "run.lock")
      do {
        _ = try FolderLock(run, fileName: "run.lock")
        Issue.record("two processes have one lock")
      } catch let held as FolderLock.Held {
        #expect(held.process == Int(getpid()))
      }
      withExtendedLifetime(lock) {}
    }
    // A folder that it made goes with it.
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }
}
