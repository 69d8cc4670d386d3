internal import ClozeCore
package import Foundation

/// Who asked for a trial.
package enum SearchArm: String, Codable, Sendable, CaseIterable {
  /// The settings that all trials share, with one of several seeds.
  case base
  /// Random search.
  case control
  case proposer
}

/// A trial of a study, as far as it has come.
package struct SearchTrial: Sendable, Equatable {
  /// From 1.
  package let number: Int
  package let arm: SearchArm
  package let point: SearchPoint
  /// The settings that it changes, as `key=value`.
  package let settings: [String]
  package let seed: Int
  /// At the rungs that it has reached.
  package fileprivate(set) var losses: [Int: Double] = [:]
  /// Whether its needs were measured before it ran, and are within the limits of the study.
  package fileprivate(set) var isAdmitted = false
  /// Why it ended without a loss; nil if it did not.
  package fileprivate(set) var failure: String?

  package init(number: Int, arm: SearchArm, point: SearchPoint, settings: [String], seed: Int) {
    (self.number, self.arm, self.point, self.settings, self.seed) = (number, arm, point, settings, seed)
  }

  init(_ proposal: SearchEvent.Proposal) {
    self.init(
      number: proposal.trial, arm: proposal.arm, point: proposal.point, settings: proposal.settings,
      seed: proposal.seed)
  }

  /// The highest rung that it has reached, and its loss there.
  package var last: (rung: Int, loss: Double)? {
    failure == nil ? losses.max { $0.key < $1.key }.map { ($0.key, $0.value) } : nil
  }
}

/// What happens in a study, a line of its journal.
package enum SearchEvent: Sendable, Equatable {
  package struct Start: Codable, Sendable, Equatable {
    /// What the study is made from, by name.
    package let identities: [String: String]
    /// Of both arms.
    package let trials: Int

    package init(identities: [String: String], trials: Int) {
      (self.identities, self.trials) = (identities, trials)
    }
  }

  package struct Proposal: Codable, Sendable, Equatable {
    package let trial: Int
    package let arm: SearchArm
    package let point: SearchPoint
    package let settings: [String]
    package let seed: Int

    package init(trial: Int, arm: SearchArm, point: SearchPoint, settings: [String], seed: Int) {
      (self.trial, self.arm, self.point, self.settings, self.seed) = (trial, arm, point, settings, seed)
    }

    init(_ trial: SearchTrial) {
      (self.trial, arm, point) = (trial.number, trial.arm, trial.point)
      (settings, seed) = (trial.settings, trial.seed)
    }
  }

  package struct Admission: Codable, Sendable, Equatable {
    package let trial: Int

    package init(trial: Int) { self.trial = trial }
  }

  package struct Measurement: Codable, Sendable, Equatable {
    package let trial: Int
    package let rung: Int
    package let step: Int
    package let loss: Double

    package init(trial: Int, rung: Int, step: Int, loss: Double) {
      (self.trial, self.rung, self.step, self.loss) = (trial, rung, step, loss)
    }
  }

  package struct Failure: Codable, Sendable, Equatable {
    package let trial: Int
    package let reason: String

    package init(trial: Int, reason: String) { (self.trial, self.reason) = (trial, reason) }
  }

  case started(Start)
  case proposed(Proposal)
  /// The trial was measured and is within the limits of memory and seconds; one that is not has `failed`.
  case admitted(Admission)
  case measured(Measurement)
  case failed(Failure)
}

extension SearchEvent: Codable {
  private enum Key: String, CodingKey { case event }
  private enum Name: String, Codable { case started, proposed, admitted, measured, failed }

  package init(from decoder: any Decoder) throws {
    switch try decoder.container(keyedBy: Key.self).decode(Name.self, forKey: .event) {
    case .started: self = .started(try Start(from: decoder))
    case .proposed: self = .proposed(try Proposal(from: decoder))
    case .admitted: self = .admitted(try Admission(from: decoder))
    case .measured: self = .measured(try Measurement(from: decoder))
    case .failed: self = .failed(try Failure(from: decoder))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    let (name, content): (Name, any Encodable) =
      switch self {
      case .started(let start): (.started, start)
      case .proposed(let proposal): (.proposed, proposal)
      case .admitted(let admission): (.admitted, admission)
      case .measured(let measurement): (.measured, measurement)
      case .failed(let failure): (.failed, failure)
      }
    try content.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .event)
  }
}

/// `trials.jsonl`: all that a study has decided and measured, one event a line, only appended to.
///
/// It has no times, so that a study that was killed and resumed ends with the bytes of one that was not. A kill can tear its
/// last line, which the next process removes: what it said happens again.
package final class SearchJournal {
  package private(set) var start: SearchEvent.Start?
  /// By number.
  package private(set) var trials: [Int: SearchTrial] = [:]
  private let url: URL
  /// nil before the first event.
  private var file: AppendedFile?
  private var lines = JournalLines()

  package static let fileName = "trials.jsonl"

  /// Continues the journal in a study's folder, which this process has locked, or begins one.
  /// - Throws: `SearchError.damagedJournal`, `FileError`
  package init(_ folder: URL) throws {
    url = folder.appendingPathComponent(SearchJournal.fileName)
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    let bytes = try Data(file: url)
    let whole = bytes.prefix(bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)
    guard let file = AppendedFile(url, resumingAt: .init(length: whole.count, digest: Digest(of: whole)))
    else {
      throw FileError.writing(url.path)
    }
    self.file = file
    for (index, line) in whole.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .dropLast()
      .enumerated()
    {
      guard let event = lines.event(Data(line)), take(event) else {
        throw SearchError.damagedJournal(path: url.path, line: index + 1)
      }
    }
  }

  /// Whether the folder has a journal with an event. A process that is killed as it begins leaves one without.
  package static func exists(in folder: URL) -> Bool {
    (folder.appendingPathComponent(fileName).fileSize ?? 0) > 0
  }

  /// Writes an event, which is on the disk when this returns.
  /// - Precondition: it follows from the events before it
  /// - Throws: `FileError`
  package func append(_ event: SearchEvent) throws {
    precondition(take(event), "SearchJournal: \(event) does not follow")
    let file = try self.file ?? AppendedFile(url)
    self.file = file
    try file.append(try lines.line(event))
    try file.synchronize()
  }

  /// - Returns: false for an event that cannot follow those before it.
  private func take(_ event: SearchEvent) -> Bool {
    switch event {
    case .started(let start):
      guard self.start == nil else { return false }
      self.start = start
    case .proposed(let proposal):
      guard start != nil, trials[proposal.trial] == nil else { return false }
      trials[proposal.trial] = SearchTrial(proposal)
    case .admitted(let admission):
      guard let trial = trials[admission.trial], trial.failure == nil, !trial.isAdmitted, trial.losses.isEmpty
      else { return false }
      trials[admission.trial]?.isAdmitted = true
    case .measured(let measurement):
      guard let trial = trials[measurement.trial], trial.failure == nil,
        trial.losses[measurement.rung] == nil,
        measurement.loss.isFinite
      else { return false }
      trials[measurement.trial]?.losses[measurement.rung] = measurement.loss
    case .failed(let failure):
      guard let trial = trials[failure.trial], trial.failure == nil else { return false }
      trials[failure.trial]?.failure = failure.reason
    }
    return true
  }
}
