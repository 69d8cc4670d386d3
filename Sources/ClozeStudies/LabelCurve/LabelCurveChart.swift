internal import ClozeCore
internal import Foundation

/// A label curve as a drawing: the score over the logarithm of the number of labels, with a band for each interval.
struct LabelCurveChart {
  private let report: LabelCurveReport
  private let marks: AxisMarks
  private let width = 640.0
  private let height = 400.0
  // The margins.
  private let left = 60.0
  private let right = 32.0
  private let top = 30.0
  private let bottom = 50.0

  init(_ report: LabelCurveReport) {
    self.report = report
    let highest =
      report.sizes.flatMap { [$0.pretrained, $0.scratch] }.map { $0.intervals[0].high }.max() ?? 1
    marks = AxisMarks(least: 0, most: highest)
  }

  private var rows: [Int] { report.sizes.map(\.rows) }

  private func point(_ rows: Int, _ score: Double) -> Drawing.Point {
    var share = 0.5
    if let first = self.rows.first, let last = self.rows.last, first < last {
      share = log(Double(rows) / Double(first)) / log(Double(last) / Double(first))
    }
    return Drawing.Point(
      x: left + share * (width - left - right),
      y: height - bottom - marks.share(max(0, score)) * (height - top - bottom))
  }

  var svg: String {
    var drawing = Drawing(
      width: width, height: height,
      title: "\(report.metrics[0]) by number of labelled rows, with 95 % intervals")
    drawAxes(&drawing)
    let (scratch, pretrained) = ("#b35806", "#2166ac")
    drawCurve(\.scratch, color: scratch, &drawing)
    drawCurve(\.pretrained, color: pretrained, &drawing)
    drawing.legend(
      [("pretrained", pretrained), ("from scratch", scratch)], at: Drawing.Point(x: left + 14, y: top))
    return drawing.svg
  }

  private func drawCurve(
    _ arm: KeyPath<LabelCurveReport.Size, LabelCurveReport.Arm>, color: String, _ drawing: inout Drawing
  ) {
    let arms = report.sizes.map { (rows: $0.rows, arm: $0[keyPath: arm]) }
    let upper = arms.map { point($0.rows, $0.arm.intervals[0].high) }
    let lower = arms.map { point($0.rows, $0.arm.intervals[0].low) }
    let middle = arms.map { point($0.rows, $0.arm.scores[0]) }
    drawing.area(upper + lower.reversed(), color: color)
    drawing.line(middle, color: color)
    for place in middle { drawing.dot(at: place, color: color) }
  }

  private func drawAxes(_ drawing: inout Drawing) {
    let floor = height - bottom
    for mark in marks.values {
      let y = floor - marks.share(mark) * (height - top - bottom)
      drawing.text(marks.text(mark), at: .init(x: left - 8, y: y + 4), anchor: .end)
      drawing.line([.init(x: left, y: y), .init(x: width - right, y: y)], color: "#dddddd", width: 1)
    }
    drawing.line(
      [.init(x: left, y: top), .init(x: left, y: floor), .init(x: width - right, y: floor)], color: "black",
      width: 1)
    drawing.text(
      "labelled rows (logarithmic)", at: .init(x: (left + width - right) / 2, y: height - 12),
      anchor: .middle)
    drawing.text(report.metrics[0], at: .init(x: left - 45, y: top - 12))
    for count in rows {
      drawing.text(Figure.count(count), at: .init(x: point(count, 0).x, y: floor + 18), anchor: .middle)
    }
  }
}
