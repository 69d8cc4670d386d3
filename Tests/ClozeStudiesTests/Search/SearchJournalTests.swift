import ClozeCore
import ClozeStudies
import ClozeTestSupport
import Foundation
import Testing

@Suite struct SearchJournalTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let events: [SearchEvent] = [
    .started(.init(identities: ["data": "abc"], trials: 3)),
    .proposed(
      .init(
        trial: 1, arm: .proposer,
        point: SearchPoint(values: ["rate": .number(0.1), "kind": .choice(2), "blocks": .sequence([0, 1])]),
        settings: ["rate=0.1"], seed: 1)),
    .measured(.init(trial: 1, rung: 0, step: 4, loss: 3.25)),
    .proposed(.init(trial: 2, arm: .control, point: SearchPoint(), settings: [], seed: 1)),
    .failed(.init(trial: 2, reason: "diverged")),
    .measured(.init(trial: 1, rung: 1, step: 12, loss: 0.1 + 0.2)),
    .proposed(.init(trial: 3, arm: .proposer, point: SearchPoint(), settings: [], seed: 1)),
    .admitted(.init(trial: 3)),
  ]

  private var file: URL { folder.file(SearchJournal.fileName) }

  private func write(_ events: some Sequence<SearchEvent>) throws {
    let journal = try SearchJournal(folder.url)
    for event in events { try journal.append(event) }
  }

  @Test func whatWasWrittenIsRead() throws {
    try write(Self.events)
    let journal = try SearchJournal(folder.url)
    #expect(journal.start == .init(identities: ["data": "abc"], trials: 3))
    let first = try #require(journal.trials[1])
    #expect(first.losses == [0: 3.25, 1: 0.1 + 0.2])
    #expect(first.point.values["blocks"] == .sequence([0, 1]))
    #expect(first.last?.rung == 1)
    #expect(journal.trials[2]?.failure == "diverged")
    #expect(journal.trials[3]?.isAdmitted == true && !first.isAdmitted)
    #expect(journal.trials[2]?.last == nil)
  }

  /// Killed at any byte, the journal is what was whole, and goes on to the same bytes.
  @Test func aTornLineIsDropped() throws {
    try write(Self.events)
    let whole = try Data(contentsOf: file)
    let ends = whole.indices.filter { whole[$0] == UInt8(ascii: "\n") }
    #expect(ends.count == Self.events.count)
    for length in stride(from: 0, through: whole.count, by: 7) {
      try whole.prefix(length).write(to: file)
      try write(Self.events.dropFirst(ends.count { $0 < length }))
      #expect(try Data(contentsOf: file) == whole, "cut at \(length)")
    }
  }

  /// No process writes an event twice, or one that does not follow.
  @Test(arguments: [
    [0, 0], [0, 1, 1], [0, 1, 2, 2], [1], [0, 2], [0, 3, 4, 4], [0, 4], [0, 6, 7, 7], [0, 7],
  ]) func whatDoesNotFollowIsRefused(order: [Int]) throws {
    var lines = JournalLines()
    var bytes = Data()
    for index in order { bytes += try lines.line(Self.events[index]) }
    try bytes.write(to: file)
    #expect {
      _ = try SearchJournal(folder.url)
    } throws: { error in
      "\(error)".contains("trials.jsonl: line \(order.count) does not follow")
    }
  }

  /// The digests find what is JSON and could follow.
  @Test(arguments: Self.events.indices.dropLast())
  func aLineThatWasChangedIsNamed(index: Int) throws {
    try write(Self.events)
    let lines = String(decoding: try Data(contentsOf: file), as: UTF8.self).split(separator: "\n")
    func refuses(_ changed: [Substring], line: Int) throws {
      try folder.write(changed.map { $0 + "\n" }.joined(), to: SearchJournal.fileName)
      #expect {
        _ = try SearchJournal(folder.url)
      } throws: { error in
        "\(error)".contains("line \(line) does not follow")
      }
    }
    var without = lines
    without.remove(at: index)
    try refuses(without, line: index + 1)
    var exchanged = lines
    exchanged.swapAt(index, index + 1)
    try refuses(exchanged, line: index + 1)
    for (text, other) in [("3.25", "3.2"), ("\"control\"", "\"proposer\""), ("\"trials\":3", "\"trials\":4")]
    where lines[index].contains(text) {
      var changed = lines
      changed[index] = lines[index].replacing(text, with: other)
      try refuses(changed, line: index + 1)
    }
  }

  @Test(arguments: ["", "{}", "{\"event\":\"measured\"}", "text"]) func aDamagedLineIsNamed(line: String)
    throws
  {
    try write(Self.events.prefix(2))
    let whole = try Data(contentsOf: file)
    try (whole + Data("\(line)\n".utf8)).write(to: file)
    #expect {
      _ = try SearchJournal(folder.url)
    } throws: { error in
      "\(error)".contains("line 3 does not follow")
    }
  }
}
