internal import ClozeCore

/// The best score of each arm after so many of its trials, beside the base and its noise.
struct BestSoFarChart {
  private let result: SearchResult
  private let proposer: ProposerKind
  /// Sentences.
  var caption: [String] {
    ["A step is a bracket of trials of which one or more came to the end."]
      + (margin > 0
        ? [
          "The bands say how far a single run may lie from its expected score by chance alone, 19 times of 20, as far as the runs of base "
            + "with several seeds tell; the best of many runs is lucky as well."
        ] : [])
  }

  init(_ result: SearchResult, proposer: ProposerKind) { (self.result, self.proposer) = (result, proposer) }

  var svg: String {
    var drawing = Drawing(
      width: 640, height: 360, title: "The best \(result.score.name) after so many trials of each arm")
    let arms = [SearchArm.proposer, .control].map { (arm: $0, points: result.bestSoFar($0)) }
      .filter { !$0.points.isEmpty }
    let most = Double(arms.compactMap { $0.points.last?.trials }.max() ?? 1)
    let area = PlotArea(in: drawing, marks: marks(arms.flatMap { $0.points.map(\.loss) }))
    area.drawAxes(
      vertical: result.score.name, horizontal: "trials of the arm",
      labels: AxisMarks(least: 0, most: most).values.filter { $0 <= most && $0 == $0.rounded() }
        .map { ($0 / most, Figure.decimal($0, 0)) }, &drawing)
    func place(_ trials: Double, _ loss: Double) -> Drawing.Point {
      area.place(trials / most, result.score.value(ofLoss: loss))
    }
    var legend: [(name: String, color: String)] = []
    for (arm, points) in arms {
      let steps = staircase(points, to: most)
      if margin > 0 {
        drawing.area(
          steps.map { place($0.trials, $0.loss - margin) }
            + steps.reversed().map { place($0.trials, $0.loss + margin) }, color: arm.color)
      }
      drawing.line(steps.map { place($0.trials, $0.loss) }, color: arm.color)
      legend.append((arm.name(proposer), arm.color))
    }
    if let noise = result.noise {
      drawing.line(
        [place(0, noise.mean), place(most, noise.mean)], color: SearchArm.base.color, isDashed: true)
      legend.append(("base, mean of \(noise.count)", SearchArm.base.color))
    }
    // Where no curve is: better scores come later.
    drawing.legend(
      legend,
      at: .init(x: drawing.width - 180, y: result.score.prefersLarger ? drawing.height - 115 : area.corner.y))
    return drawing.svg
  }

  /// How far from its expected loss a single run may lie by chance.
  private var margin: Double { result.noise?.limit(others: result.noise?.count ?? 1) ?? 0 }

  private func marks(_ losses: [Double]) -> AxisMarks {
    let values = (losses + (result.noise.map { [$0.mean] } ?? [])).flatMap { [$0 - margin, $0 + margin] }
      .map(result.score.value(ofLoss:))
    return AxisMarks(least: values.min() ?? 0, most: values.max() ?? 1)
  }

  /// The corners of a line that is level between points.
  private func staircase(_ points: [(trials: Int, loss: Double)], to end: Double) -> [(
    trials: Double, loss: Double
  )] {
    var corners: [(trials: Double, loss: Double)] = []
    for (trials, loss) in points {
      if let last = corners.last { corners.append((Double(trials), last.loss)) }
      corners.append((Double(trials), loss))
    }
    if let last = corners.last { corners.append((end, last.loss)) }
    return corners
  }
}

extension SearchResult {
  /// The best loss at the last rung after each bracket of an arm, with the arm's trials until then.
  func bestSoFar(_ arm: SearchArm) -> [(trials: Int, loss: Double)] {
    var (count, best): (Int, Double?) = (0, nil)
    return brackets(arm).compactMap { bracket in
      count += bracket.count
      for trial in trials where bracket.contains(trial.number) && trial.failure == nil {
        if let loss = trial.losses[lastRung], loss < best ?? .infinity { best = loss }
      }
      return best.map { (count, $0) }
    }
  }
}
