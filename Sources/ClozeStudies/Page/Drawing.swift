internal import ClozeCore
internal import Foundation

/// A drawing as SVG. Places are pixels from the upper left corner.
struct Drawing {
  let width: Double
  let height: Double
  private let title: String
  private var elements: [String] = []

  /// - Parameter title: says what it shows; browsers and screen readers tell it.
  init(width: Double, height: Double, title: String) {
    (self.width, self.height, self.title) = (width, height, title)
  }

  struct Point {
    let x: Double
    let y: Double
  }

  enum Anchor: String { case start, middle, end }

  mutating func text(_ text: String, at place: Point, anchor: Anchor = .start, color: String = "black") {
    elements.append(
      "<text x=\"\(pixels(place.x))\" y=\"\(pixels(place.y))\" text-anchor=\"\(anchor.rawValue)\" fill=\"\(color)\">"
        + Drawing.escaped(text) + "</text>")
  }

  mutating func line(_ points: [Point], color: String, width: Double = 2, isDashed: Bool = false) {
    elements.append(
      "<polyline points=\"\(list(points))\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(pixels(width))\""
        + (isDashed ? " stroke-dasharray=\"5 4\"" : "") + "/>")
  }

  mutating func area(_ points: [Point], color: String) {
    elements.append("<polygon points=\"\(list(points))\" fill=\"\(color)\" opacity=\"0.2\"/>")
  }

  mutating func rectangle(from corner: Point, to other: Point, color: String) {
    elements.append(
      "<rect x=\"\(pixels(corner.x))\" y=\"\(pixels(corner.y))\" width=\"\(pixels(other.x - corner.x))\" "
        + "height=\"\(pixels(other.y - corner.y))\" fill=\"\(color)\"/>")
  }

  mutating func dot(at place: Point, radius: Double = 3, color: String) {
    elements.append(
      "<circle cx=\"\(pixels(place.x))\" cy=\"\(pixels(place.y))\" r=\"\(pixels(radius))\" fill=\"\(color)\" stroke=\"white\" "
        + "stroke-width=\"0.5\"/>")
  }

  /// A square of its color and a name for each, one below the other.
  mutating func legend(_ entries: [(name: String, color: String)], at corner: Point) {
    for (number, (name, color)) in entries.enumerated() {
      let top = corner.y + 18 * Double(number)
      rectangle(
        from: Point(x: corner.x, y: top), to: Point(x: corner.x + 12, y: top + 12), color: color)
      text(name, at: Point(x: corner.x + 18, y: top + 10))
    }
  }

  var svg: String {
    let (width, height) = (Int(width.rounded(.up)), Int(height.rounded(.up)))
    return
      ([
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
          + "viewBox=\"0 0 \(width) \(height)\" font-family=\"sans-serif\" font-size=\"12\">",
        "<title>\(Drawing.escaped(title))</title>", "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      ] + elements + ["</svg>", ""]).joined(separator: "\n")
  }

  /// Text for SVG and HTML.
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  private func list(_ points: [Point]) -> String {
    points.map { "\(pixels($0.x)),\(pixels($0.y))" }.joined(separator: " ")
  }

  private func pixels(_ value: Double) -> String { Figure.decimal(value, 1) }
}

/// Marks of a linear axis at round numbers.
struct AxisMarks {
  let values: [Double]
  /// The ends of the axis.
  let least: Double
  let most: Double
  private let step: Double

  /// About six marks, with `least` and `most` of the data between the first and the last of them.
  init(least: Double, most: Double) {
    let span = max(most - least, 1e-9, abs(most) * 1e-6)
    let magnitude = pow(10, (log10(span / 5)).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * magnitude }.first { span / $0 <= 6 } ?? span
    let first = (least / step).rounded(.down)
    let last = max((most / step).rounded(.up), first + 1)
    values = stride(from: first, through: last, by: 1).map { $0 * step }
    (self.least, self.most, self.step) = (first * step, last * step, step)
  }

  /// Where a value lies between the ends, 0...1.
  func share(_ value: Double) -> Double { (value - least) / (most - least) }

  func text(_ value: Double) -> String {
    Figure.decimal(value, max(0, Int((-log10(step)).rounded(.up))))
  }
}

/// The part of a drawing in which values are drawn, with its axes around it. Horizontal places are shares of its width, 0...1.
struct PlotArea {
  private let left: Double
  private let right: Double
  private let top: Double
  private let bottom: Double
  /// Of the vertical axis.
  private let marks: AxisMarks

  init(in drawing: Drawing, marks: AxisMarks) {
    (left, right, top, bottom) = (70, drawing.width - 32, 30, drawing.height - 50)
    self.marks = marks
  }

  /// The upper left corner.
  var corner: Drawing.Point { Drawing.Point(x: left, y: top) }

  func place(_ share: Double, _ value: Double) -> Drawing.Point {
    Drawing.Point(x: left + share * (right - left), y: bottom - marks.share(value) * (bottom - top))
  }

  /// - Parameter labels: below the horizontal axis, each at its share.
  func drawAxes(
    vertical: String, horizontal: String, labels: [(share: Double, text: String)], _ drawing: inout Drawing
  ) {
    for mark in marks.values {
      let (start, end) = (place(0, mark), place(1, mark))
      drawing.text(marks.text(mark), at: .init(x: left - 8, y: start.y + 4), anchor: .end)
      drawing.line([start, end], color: "#dddddd", width: 1)
    }
    drawing.line([corner, .init(x: left, y: bottom), .init(x: right, y: bottom)], color: "black", width: 1)
    drawing.text(horizontal, at: .init(x: (left + right) / 2, y: bottom + 38), anchor: .middle)
    drawing.text(vertical, at: .init(x: left - 50, y: top - 12))
    for (share, text) in labels {
      drawing.text(text, at: .init(x: place(share, marks.least).x, y: bottom + 18), anchor: .middle)
    }
  }
}
