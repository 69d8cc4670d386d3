internal import ClozeCore
internal import Foundation

/// The losses over the most important settings: over each alone, and over each pair, with the trials as dots.
///
/// What is drawn is the mean of a fitted process over random values of all other settings (partial dependence).
///
/// Source: Friedman 2001, "Greedy function approximation: a gradient boosting machine", section 8.2.
struct PairwisePicture {
  private let axes: [Axis]
  private let trials: [SearchTrial]
  private let score: SearchScore
  /// By two of the axes, the second not before the first: the mean loss at each of their values, [first][second]; of an axis with
  /// itself, [first][0].
  private var means: [[[[Double]]]] = []

  private static let mostSettings = 4
  /// Values of a range.
  private static let steps = 12
  /// Draws of the other settings.
  private static let draws = 40
  private let size = 170.0
  private let left = 90.0
  private let top = 16.0

  /// A setting, with the values at which the losses are drawn.
  private struct Axis {
    let key: String
    let values: [SearchValue]
    let labels: [String]

    /// - Returns: nil for a list, which has no scale.
    init?(_ dimension: SearchDimension) {
      key = dimension.key
      switch dimension.domain {
      case .range:
        values = (0..<steps).map { dimension.domain.value(at: (Double($0) + 0.5) / Double(steps)) }
        labels = [dimension.domain.value(at: 0), dimension.domain.value(at: 1)].map {
          if case .number(let number) = $0 { String(format: "%.3g", number) } else { "" }
        }
      case .levels(let levels):
        values = levels.indices.map { .choice($0) }
        labels = levels.map { String(format: "%g", $0) }
      case .choice(let names): (values, labels) = (names.indices.map { .choice($0) }, names)
      case .sequence: return nil
      }
      domain = dimension.domain
    }

    private let domain: SearchDomain
    /// Where a trial's value lies, 0...1.
    func share(_ value: SearchValue?) -> Double? { value.map { domain.share(of: $0) } }
  }

  /// - Parameter importance: of the settings, which gives their order and the process; without it there is no picture.
  /// - Returns: nil if there is nothing to draw.
  init?(_ space: SearchSpace, _ result: SearchResult, _ importance: SettingImportance) {
    guard !importance.settings.isEmpty, let losses = importance.losses else { return nil }
    axes = importance.settings.compactMap { setting in
      space.dimensions.first { $0.key == setting.key }.flatMap(Axis.init)
    }.prefix(PairwisePicture.mostSettings).map { $0 }
    guard !axes.isEmpty else { return nil }
    (trials, score) = (result.trials.filter { $0.arm != .base && $0.last != nil }, result.score)
    let draws = (0..<PairwisePicture.draws).map { draw in
      var random = CounterRandom(seed: 0, purpose: .proposal, epoch: 4, index: draw)
      return space.dimensions.map { $0.domain.sample(&random) }
    }
    func mean(_ fixed: [String: SearchValue]) -> Double {
      draws.reduce(0) { sum, values in
        sum + losses(space.point { index, _ in fixed[space.dimensions[index].key] ?? values[index] })
      } / Double(draws.count)
    }
    means = axes.indices.map { first in
      axes.indices.map { second in
        guard first <= second else { return [] }
        return axes[first].values.map { value in
          first == second
            ? [mean([axes[first].key: value])]
            : axes[second].values.map { mean([axes[first].key: value, axes[second].key: $0]) }
        }
      }
    }
  }

  var caption: String {
    let names = score.prefersLarger ? ("higher", "lower") : ("lower", "higher")
    return
      "The expected \(score.name) over pairs of the most important settings, with random values of the others: dark is better "
      + "(\(names.0)), pale is worse (\(names.1)). Dots are trials, dark ones of the proposer, brown ones of random search. The drawings at the "
      + "right end of the rows are over one setting alone, and lower in them is better."
  }

  var svg: String {
    let count = Double(axes.count)
    var drawing = Drawing(
      width: left + count * (size + 16), height: top + count * (size + 16) + 40,
      title: "The losses over pairs of settings")
    let all = means.flatMap { $0.flatMap { $0.flatMap { $0 } } }
    let range = (least: all.min() ?? 0, most: max(all.max() ?? 1, (all.min() ?? 0) + 1e-9))
    for row in axes.indices {
      for column in 0...row {
        let corner = Drawing.Point(
          x: left + Double(column) * (size + 16), y: top + Double(row) * (size + 16))
        if row == column {
          drawCurve(row, at: corner, range, &drawing)
        } else {
          drawPair(column, row, at: corner, range, &drawing)
        }
      }
    }
    drawNames(&drawing)
    return drawing.svg
  }

  /// The first setting to the right, the second upwards.
  private func drawPair(
    _ first: Int, _ second: Int, at corner: Drawing.Point, _ range: (least: Double, most: Double),
    _ drawing: inout Drawing
  ) {
    let cells = means[first][second]
    let width = size / Double(cells.count)
    for (column, values) in cells.enumerated() {
      let height = size / Double(values.count)
      for (row, loss) in values.enumerated() {
        let x = corner.x + width * Double(column)
        let y = corner.y + size - height * Double(row + 1)
        drawing.rectangle(
          from: .init(x: x, y: y), to: .init(x: x + width, y: y + height),
          color: PairwisePicture.color((loss - range.least) / (range.most - range.least)))
      }
    }
    for trial in trials {
      guard let x = axes[first].share(trial.point.values[axes[first].key]),
        let y = axes[second].share(trial.point.values[axes[second].key])
      else { continue }
      drawing.dot(
        at: .init(x: corner.x + size * x, y: corner.y + size * (1 - y)), radius: 2.5, color: trial.arm.color)
    }
  }

  /// The mean loss over one setting; the best is at the bottom.
  private func drawCurve(
    _ axis: Int, at corner: Drawing.Point, _ range: (least: Double, most: Double), _ drawing: inout Drawing
  ) {
    drawing.rectangle(from: corner, to: .init(x: corner.x + size, y: corner.y + size), color: "#f4f4f4")
    let losses = means[axis][axis].map { $0[0] }
    let places = losses.enumerated().map { index, loss in
      Drawing.Point(
        x: corner.x + size * (Double(index) + 0.5) / Double(losses.count),
        y: corner.y + size * (1 - (loss - range.least) / (range.most - range.least)))
    }
    drawing.line(places, color: "#2166ac")
    for place in places { drawing.dot(at: place, radius: 2.5, color: "#2166ac") }
  }

  private func drawNames(_ drawing: inout Drawing) {
    for (index, axis) in axes.enumerated() {
      let offset = Double(index) * (size + 16)
      let floor = top + Double(axes.count) * (size + 16)
      drawing.text(
        axis.key.split(separator: ".").last.map(String.init) ?? axis.key,
        at: .init(x: 4, y: top + offset + size / 2))
      drawing.text(axis.key, at: .init(x: left + offset + size / 2, y: floor + 20), anchor: .middle)
      if let first = axis.labels.first, let last = axis.labels.last {
        drawing.text(first, at: .init(x: left + offset, y: floor + 2))
        drawing.text(last, at: .init(x: left + offset + size, y: floor + 2), anchor: .end)
      }
    }
  }

  /// From dark blue, the best, to pale yellow.
  private static func color(_ share: Double) -> String {
    let (dark, pale) = ([33.0, 60, 120], [253.0, 240, 200])
    let parts = zip(dark, pale).map { Int(($0 + share * ($1 - $0)).rounded()) }
    return "rgb(\(parts.map(String.init).joined(separator: ",")))"
  }
}
