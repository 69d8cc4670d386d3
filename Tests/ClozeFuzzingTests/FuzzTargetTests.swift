import ClozeCore
import ClozeFuzzing
import Foundation
import Testing

/// What the fuzzer looks for at length (`scripts/fuzz`), in short: its seeds, what it has found, and some changes to them.
@Suite struct FuzzTargetTests {
  @Test(arguments: FuzzTarget.names) func seedsAreAccepted(name: String) throws {
    let target = try #require(try FuzzTarget.make(name))
    #expect(!target.seeds.isEmpty)
    for seed in target.seeds {
      let refusal = target.consume(seed)
      #expect(refusal == nil, "\(refusal.map { "\($0)" } ?? "")")
    }
  }

  /// A crash would end the tests; all that is left to see is that the bytes were read.
  @Test(arguments: try findings()) func findingsAreSurvived(path: String) throws {
    let url = FuzzTargetTests.folder.appendingPathComponent(path)
    let name = url.deletingLastPathComponent().lastPathComponent
    let target = try #require(try FuzzTarget.make(name), "\(name) is no target")
    target.consume([UInt8](try Data(contentsOf: url)))
  }

  /// Cut off after each of its bytes, and with bits turned at random.
  @Test(arguments: FuzzTarget.names) func changedSeedsAreSurvived(name: String) throws {
    let target = try #require(try FuzzTarget.make(name))
    var refused = 0
    for seed in target.seeds {
      for count in stride(from: 0, to: seed.count, by: max(1, seed.count / 50)) {
        refused += target.consume(Array(seed[..<count])) == nil ? 0 : 1
      }
      for number in 0..<100 {
        var random = CounterRandom(seed: 1, purpose: .bootstrap, index: number)
        var changed = seed
        for _ in 0...random.below(3) { changed[random.below(seed.count)] ^= 1 << UInt8(random.below(8)) }
        refused += target.consume(changed) == nil ? 0 : 1
      }
    }
    // Text has no rules; all others have.
    #expect(refused > 0 || name.hasPrefix("text"))
  }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Findings")

  private static func findings() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.contains("/") }.sorted()
  }
}
