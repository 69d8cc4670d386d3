internal import Foundation

/// How many labelled rows the arm from scratch needs for a score, as a multiple of the rows that the pretrained arm had.
package struct RowsWorth: Codable, Sendable, Equatable {
  /// Whether the curve from scratch has the score between two of its sizes.
  package enum Bound: String, Codable, Sendable {
    case within
    /// It does not reach the score with all its rows.
    case moreThan
    /// It has the score at its smallest size.
    case atMost
  }

  /// `moreThan` gives the least, and `atMost` the largest that it can be.
  package let factor: Double
  package let bound: Bound

  init(factor: Double, bound: Bound) { (self.factor, self.bound) = (factor, bound) }

  /// The rows at which a curve reaches a score, by linear interpolation between its points over the logarithm of the rows. A
  /// score that is lower than that of fewer rows counts as equal to it, since more rows do no harm.
  ///
  /// - Parameters:
  ///   - curve: the scores from scratch, by ascending size; not empty.
  ///   - score: of the pretrained arm.
  ///   - rows: the rows that it had.
  package init(of score: Double, rows: Int, on curve: [(size: Int, score: Double)]) {
    var (size, best) = (curve[0].size, curve[0].score)
    guard score > best else {
      self.init(factor: Double(size) / Double(rows), bound: .atMost)
      return
    }
    for point in curve.dropFirst() {
      let reached = max(best, point.score)
      if reached >= score {
        let share = (score - best) / (reached - best)
        let (from, to) = (log(Double(size)), log(Double(point.size)))
        self.init(factor: exp(from + share * (to - from)) / Double(rows), bound: .within)
        return
      }
      (size, best) = (point.size, reached)
    }
    self.init(factor: Double(size) / Double(rows), bound: .moreThan)
  }

  /// The order of two values; a bound is beyond all values that it excludes.
  package static func < (left: RowsWorth, right: RowsWorth) -> Bool { left.key < right.key }

  private var key: (Int, Double) {
    switch bound {
    case .atMost: (0, factor)
    case .within: (1, factor)
    case .moreThan: (2, factor)
    }
  }
}
