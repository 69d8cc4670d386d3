internal import ClozeCore

/// The best score of each arm after so many of its trials, beside the base and its noise.
struct BestSoFarChart {
  private let result: SearchResult
  private let proposer: ProposerKind
  private let width = 640.0
  private let height = 360.0
  // The margins.
  private let left = 70.0
  private let right = 20.0
  private let top = 30.0
  private let bottom = 46.0

  static let caption =
    "A step is a bracket of trials, of which one or more came to the end. The bands say how far a single run may lie from its expected "
    + "score by chance alone, 19 times of 20, as far as the runs of base with several seeds tell; the best of many runs is lucky "
    + "as well."

  init(_ result: SearchResult, proposer: ProposerKind) { (self.result, self.proposer) = (result, proposer) }

  var svg: String {
    let arms = [SearchArm.proposer, .control].map { (arm: $0, points: result.bestSoFar($0)) }
      .filter { !$0.points.isEmpty }
    let margin = result.noise?.limit(others: result.noise?.count ?? 1) ?? 0
    let losses = arms.flatMap { $0.points.map(\.loss) } + (result.noise.map { [$0.mean] } ?? [])
    let values = losses.flatMap { [$0 - margin, $0 + margin] }.map(result.score.value(ofLoss:))
    let marks = AxisMarks(least: values.min() ?? 0, most: values.max() ?? 1)
    let most = Double(arms.compactMap { $0.points.last?.trials }.max() ?? 1)
    func place(_ trials: Double, _ loss: Double) -> Drawing.Point {
      Drawing.Point(
        x: left + trials / most * (width - left - right),
        y: height - bottom - marks.share(result.score.value(ofLoss: loss)) * (height - top - bottom))
    }
    func band(_ points: [(trials: Double, loss: Double)], color: String, _ drawing: inout Drawing) {
      guard margin > 0 else { return }
      drawing.area(
        points.map { place($0.trials, $0.loss - margin) }
          + points.reversed().map { place($0.trials, $0.loss + margin) }, color: color)
    }
    var drawing = Drawing(
      width: width, height: height, title: "The best \(result.score.name) after so many trials of each arm")
    drawAxes(marks, most: most, &drawing)
    var legend: [(name: String, color: String)] = []
    for (arm, points) in arms {
      let steps = staircase(points, to: most)
      band(steps, color: arm.color, &drawing)
      drawing.line(steps.map { place($0.trials, $0.loss) }, color: arm.color)
      legend.append((arm.name(proposer), arm.color))
    }
    if let noise = result.noise {
      drawing.line(
        [place(0, noise.mean), place(most, noise.mean)], color: SearchArm.base.color, isDashed: true)
      legend.append(("base, mean of \(noise.count)", SearchArm.base.color))
    }
    drawing.legend(
      legend, at: Drawing.Point(x: width - 150, y: result.score.prefersLarger ? height - 110 : top))
    return drawing.svg
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

  private func drawAxes(_ marks: AxisMarks, most: Double, _ drawing: inout Drawing) {
    let floor = height - bottom
    for mark in marks.values {
      let y = floor - marks.share(mark) * (height - top - bottom)
      drawing.text(marks.text(mark), at: .init(x: left - 8, y: y + 4), anchor: .end)
      drawing.line([.init(x: left, y: y), .init(x: width - right, y: y)], color: "#dddddd", width: 1)
    }
    drawing.text(result.score.name, at: .init(x: left - 50, y: top - 12))
    drawing.text("trials of the arm", at: .init(x: (left + width) / 2, y: height - 10), anchor: .middle)
    for mark in AxisMarks(least: 0, most: most).values where mark <= most {
      drawing.text(
        Figure.decimal(mark, 0), at: .init(x: left + mark / most * (width - left - right), y: floor + 18),
        anchor: .middle)
    }
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
