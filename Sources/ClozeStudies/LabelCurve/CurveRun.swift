internal import ClozeCore
internal import ClozeEvaluation
internal import Foundation

/// One run of a label curve, by what distinguishes it.
package struct CurveRun: Codable, Sendable, Equatable {
  package let arm: CurveArm
  /// The number of training rows.
  package let size: Int
  package let trial: CurveTrial
  /// From 1; added to the settings' seed, less one.
  package let seed: Int

  /// The run's folder in that of the study.
  package var folderName: String { "\(arm.rawValue)-\(size)-\(trial.folderName)-seed\(seed)" }

  package init(arm: CurveArm, size: Int, trial: CurveTrial, seed: Int) {
    (self.arm, self.size, self.trial, self.seed) = (arm, size, trial, seed)
  }
}

/// What is kept of a run when it has ended: `score.json` in its folder.
package struct CurveRunScore: Codable, Sendable, Equatable {
  /// A validation of the run.
  package struct Validation: Codable, Sendable, Equatable {
    package let step: Int
    /// The figure that ranks checkpoints.
    package let figure: Double
  }

  package let run: CurveRun
  package let steps: Int
  package let tokens: Int
  package let seconds: Double
  /// nil if the run had no validation.
  package let bestStep: Int?
  /// Of the best checkpoint; larger is better.
  package let validationScore: Double
  package let validations: [Validation]
  /// What each held-out row adds to the sums of the scores: [N, S].
  package let statistics: [[Double]]

  /// S, the sums of the scores.
  var width: Int { statistics.first?.count ?? 0 }

  static func file(in folder: URL) -> URL { folder.appendingPathComponent("score.json") }

  /// - Parameter testCount: N.
  /// - Returns: nil if the run has not ended.
  /// - Throws: `FileError`, `StudyError.damagedScore`
  static func read(_ folder: URL, of run: CurveRun, testCount: Int) throws -> CurveRunScore? {
    let url = file(in: folder)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    let data = try Data(file: url)
    guard let score = try? JSONDecoder().decode(CurveRunScore.self, from: data), score.run == run,
      score.statistics.count == testCount, score.width > 0,
      score.statistics.allSatisfy({ $0.count == score.width })
    else { throw StudyError.damagedScore(path: url.path) }
    return score
  }

  /// - Throws: `FileError`
  func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try AtomicFile.write(try encoder.encode(self), to: CurveRunScore.file(in: folder))
  }

  /// The seconds that the run had taken at a step, at equal seconds a step.
  func seconds(at step: Int) -> Double { steps > 0 ? seconds * Double(step) / Double(steps) : 0 }

  /// The first validation whose figure is as good as `figure`; nil if there is none.
  func firstStep(reaching figure: Double, prefersLarger: Bool) -> Int? {
    validations.first { prefersLarger ? $0.figure >= figure : $0.figure <= figure }?.step
  }
}

extension RunFolder {
  /// The validations that the run logged, in its order.
  ///
  /// - Parameter figure: the name of the figure that is wanted.
  /// - Throws: `FileError`
  func validations(_ figure: String) throws -> [CurveRunScore.Validation] {
    try validationLines().compactMap { line in
      guard let step = line.step else { return nil }
      return line.figures?[figure].map { CurveRunScore.Validation(step: step, figure: $0) }
    }
  }

  /// The score that the run logged for the last validation at a step; nil for none.
  /// - Throws: `FileError`
  func validationScore(at step: Int) throws -> Double? {
    try validationLines().last { $0.step == step }?.score
  }

  private func validationLines() throws -> [ValidationLine] {
    try Data(file: metrics).split(separator: UInt8(ascii: "\n")).compactMap {
      guard let line = try? JSONDecoder().decode(ValidationLine.self, from: Data($0)),
        line.event == "validation"
      else { return nil }
      return line
    }
  }
}

/// A line of `metrics.jsonl`, as far as a study reads it.
private struct ValidationLine: Decodable {
  let event: String
  let step: Int?
  let figures: [String: Double]?
  let score: Double?
}
