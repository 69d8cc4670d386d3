internal import ClozeCore
internal import Foundation

/// A label curve as a drawing: the score over the logarithm of the number of labels, with a band for each interval.
struct LabelCurveChart {
  private let report: LabelCurveReport
  private let width = 640.0
  private let height = 400.0
  // The margins.
  private let left = 60.0
  private let right = 32.0
  private let top = 30.0
  private let bottom = 50.0

  init(_ report: LabelCurveReport) { self.report = report }

  private var rows: [Int] { report.sizes.map(\.rows) }
  /// The greatest value of the vertical axis, and the distance of its marks.
  private var scale: (most: Double, step: Double) {
    let most = report.sizes.flatMap { [$0.pretrained, $0.scratch] }.map { $0.intervals[0].high }.max() ?? 1
    let magnitude = pow(10, (log10(max(most, 1e-9) / 5)).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * magnitude }.first { most / $0 <= 6 } ?? most
    return (max(step, (most / step).rounded(.up) * step), step)
  }

  private func x(_ rows: Int) -> Double {
    guard let first = self.rows.first, let last = self.rows.last, first < last else {
      return left + (width - left - right) / 2
    }
    let share = log(Double(rows) / Double(first)) / log(Double(last) / Double(first))
    return left + share * (width - left - right)
  }

  private func y(_ score: Double) -> Double {
    height - bottom - max(0, score) / scale.most * (height - top - bottom)
  }

  private func point(_ rows: Int, _ score: Double) -> String { "\(decimal(x(rows))),\(decimal(y(score)))" }
  private func decimal(_ value: Double) -> String { Figure.decimal(value, 1) }

  var svg: String {
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Int(width))\" height=\"\(Int(height))\" "
        + "viewBox=\"0 0 \(Int(width)) \(Int(height))\" font-family=\"sans-serif\" font-size=\"12\">",
      "<title>\(report.metrics[0]) by number of labelled rows, with 95 % intervals</title>",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
    ]
    lines += axes
    let arms: [(String, String, KeyPath<LabelCurveReport.Size, LabelCurveReport.Arm>)] = [
      ("from scratch", "#b35806", \.scratch), ("pretrained", "#2166ac", \.pretrained),
    ]
    for (number, (name, color, arm)) in arms.enumerated() {
      lines += curve(arm, color: color)
      let place = top + 8 + 18 * Double(1 - number)
      lines.append(
        "<rect x=\"\(decimal(left + 14))\" y=\"\(decimal(place - 9))\" width=\"12\" height=\"12\" fill=\"\(color)\"/>"
      )
      lines.append(text(left + 32, place + 1, name))
    }
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }

  private func curve(_ arm: KeyPath<LabelCurveReport.Size, LabelCurveReport.Arm>, color: String) -> [String] {
    let sizes = report.sizes
    let upper = sizes.map { point($0.rows, $0[keyPath: arm].intervals[0].high) }
    let lower = sizes.map { point($0.rows, $0[keyPath: arm].intervals[0].low) }
    let middle = sizes.map { point($0.rows, $0[keyPath: arm].scores[0]) }
    let dots = sizes.map {
      "<circle cx=\"\(decimal(x($0.rows)))\" cy=\"\(decimal(y($0[keyPath: arm].scores[0])))\" r=\"3\" fill=\"\(color)\"/>"
    }
    return [
      "<polygon points=\"\((upper + lower.reversed()).joined(separator: " "))\" fill=\"\(color)\" opacity=\"0.2\"/>",
      "<polyline points=\"\(middle.joined(separator: " "))\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>",
    ] + dots
  }

  private var axes: [String] {
    let floor = height - bottom
    var lines = [
      "<path d=\"M\(decimal(left)) \(decimal(top))V\(decimal(floor))H\(decimal(width - right))\" fill=\"none\" stroke=\"black\"/>",
      text((left + width - right) / 2, height - 12, "labelled rows (logarithmic)", anchor: "middle"),
      text(left - 45, top - 12, report.metrics[0]),
    ]
    for mark in stride(from: 0, through: scale.most + scale.step / 2, by: scale.step) {
      lines.append(text(left - 8, y(mark) + 4, Figure.decimal(mark, scale.step < 1 ? 1 : 0), anchor: "end"))
      lines.append(
        "<path d=\"M\(decimal(left)) \(decimal(y(mark)))H\(decimal(width - right))\" stroke=\"#dddddd\"/>")
    }
    return lines + rows.map { text(x($0), floor + 18, Figure.count($0), anchor: "middle") }
  }

  private func text(_ x: Double, _ y: Double, _ text: String, anchor: String = "start") -> String {
    "<text x=\"\(decimal(x))\" y=\"\(decimal(y))\" text-anchor=\"\(anchor)\">\(text)</text>"
  }
}
