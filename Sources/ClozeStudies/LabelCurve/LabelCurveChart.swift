internal import ClozeCore
internal import Foundation

/// A label curve as a drawing: the score over the logarithm of the number of labels, with a band for each interval.
struct LabelCurveChart {
  private let report: LabelCurveReport

  init(_ report: LabelCurveReport) { self.report = report }

  var svg: String {
    var drawing = Drawing(
      width: 640, height: 400, title: "\(report.metrics[0]) by number of labelled rows, with 95 % intervals")
    let highest =
      report.sizes.flatMap { [$0.pretrained, $0.scratch] }.map { $0.intervals[0].high }.max() ?? 1
    let area = PlotArea(in: drawing, marks: AxisMarks(least: 0, most: highest))
    area.drawAxes(
      vertical: report.metrics[0], horizontal: "labelled rows (logarithmic)",
      labels: report.sizes.map { (share($0.rows), Figure.count($0.rows)) }, &drawing)
    let (scratch, pretrained) = ("#b35806", "#2166ac")
    drawCurve(\.scratch, color: scratch, area, &drawing)
    drawCurve(\.pretrained, color: pretrained, area, &drawing)
    drawing.legend(
      [("pretrained", pretrained), ("from scratch", scratch)],
      at: .init(x: area.corner.x + 14, y: area.corner.y))
    return drawing.svg
  }

  /// Where a number of rows lies on the horizontal axis.
  private func share(_ rows: Int) -> Double {
    guard let first = report.sizes.first?.rows, let last = report.sizes.last?.rows, first < last else {
      return 0.5
    }
    return log(Double(rows) / Double(first)) / log(Double(last) / Double(first))
  }

  private func drawCurve(
    _ arm: KeyPath<LabelCurveReport.Size, LabelCurveReport.Arm>, color: String, _ area: PlotArea,
    _ drawing: inout Drawing
  ) {
    let arms = report.sizes.map { (share: share($0.rows), arm: $0[keyPath: arm]) }
    let upper = arms.map { area.place($0.share, $0.arm.intervals[0].high) }
    // The axis begins at 0.
    let lower = arms.map { area.place($0.share, max(0, $0.arm.intervals[0].low)) }
    let middle = arms.map { area.place($0.share, max(0, $0.arm.scores[0])) }
    drawing.area(upper + lower.reversed(), color: color)
    drawing.line(middle, color: color)
    for place in middle { drawing.dot(at: place, color: color) }
  }
}
