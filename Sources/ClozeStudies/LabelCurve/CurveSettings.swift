package import ClozeModel
package import ClozeTraining

/// Where the runs of a label curve start.
package enum CurveArm: String, CaseIterable, Codable, Sendable {
  /// From the weights of the model.
  case pretrained
  /// The same network from random weights.
  case scratch
}

/// Settings that a trial of a label curve may change.
package protocol CurveSettings: RunConfiguration {
  var seed: Int { get set }
  var optimizer: OptimizerConfiguration { get set }
  var cadence: CadenceConfiguration { get set }
  var model: EncoderConfiguration { get set }
  /// The figure that ranks checkpoints, as `metrics.jsonl` names it, and whether more of it is better.
  var rankingFigure: (name: String, prefersLarger: Bool) { get }
}

extension CurveSettings {
  /// The figure of a validation that a setting names, of which more is better except of the loss.
  fileprivate func rankingFigure(_ name: String) -> (name: String, prefersLarger: Bool) {
    name == "loss" ? ("validationLoss", false) : (name, true)
  }
}

extension FinetuneConfiguration: CurveSettings {
  package var rankingFigure: (name: String, prefersLarger: Bool) { rankingFigure(validation.rankBy.rawValue) }
}

extension LabelConfiguration: CurveSettings {
  package var rankingFigure: (name: String, prefersLarger: Bool) { rankingFigure(validation.rankBy.rawValue) }
}

/// What a trial changes: the two settings on which few labels depend most.
package struct CurveTrial: Codable, Sendable, Equatable, CustomStringConvertible {
  /// Of the settings' learning rate.
  package let rateFactor: Double
  /// Added to the settings' dropout.
  package let addedDropout: Double

  /// All trials, in the order in which they are made; the first has the settings as they are.
  package static let all = [0.0, 0.1, -0.1].flatMap { dropout in
    [1, 0.5, 2].map { CurveTrial(rateFactor: $0, addedDropout: dropout) }
  }

  package var description: String {
    "rate x\(rateFactor), dropout \(addedDropout < 0 ? "" : "+")\(addedDropout)"
  }

  /// The name in the folder of a run.
  var folderName: String { "rate\(rateFactor)-dropout\(addedDropout)" }

  func apply(to settings: inout some CurveSettings) {
    settings.optimizer.learningRate *= rateFactor
    let dropout = ((settings.model.dropout + addedDropout) * 1000).rounded() / 1000
    settings.model.dropout = min(0.9, max(0, dropout))
  }
}
