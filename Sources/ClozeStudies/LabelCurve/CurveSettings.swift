/// Where the runs of a label curve start.
package enum CurveArm: String, CaseIterable, Codable, Sendable {
  /// From the weights of the model.
  case pretrained
  /// The same network from random weights.
  case scratch
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

  func apply(to settings: inout some RowSettings) {
    settings.optimizer.learningRate *= rateFactor
    let dropout = ((settings.model.dropout + addedDropout) * 1000).rounded() / 1000
    settings.model.dropout = min(0.9, max(0, dropout))
  }
}
