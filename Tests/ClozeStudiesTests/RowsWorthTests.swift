import ClozeStudies
import Foundation
import Testing

/// How many rows from scratch are worth as much as some rows with pretraining.
@Suite struct RowsWorthTests {
  private let curve: [(size: Int, score: Double)] = [(100, 2), (1000, 6), (10_000, 5), (100_000, 10)]

  private func worth(_ score: Double, rows: Int = 100) -> RowsWorth {
    RowsWorth(of: score, rows: rows, on: curve)
  }

  /// Linear in the logarithm: half of the way from 2 to 6 is the geometric mean of 100 and 1,000 rows.
  @Test func betweenTwoSizes() {
    #expect(worth(4).bound == .within)
    #expect(abs(worth(4).factor - 10.0.squareRoot()) < 1e-12)
    #expect(abs(worth(6).factor - 10) < 1e-12)
    // The 5 after the 6 counts as 6: 8 is half of the way from 6 at 10,000 rows to 10 at 100,000.
    #expect(abs(worth(8).factor - 100 * 10.0.squareRoot()) < 1e-9)
    #expect(abs(worth(8, rows: 1000).factor - 10 * 10.0.squareRoot()) < 1e-9)
  }

  @Test func beyondTheCurveIsABound() {
    #expect(worth(10.5) == RowsWorth(of: 99, rows: 100, on: curve))
    #expect(worth(10.5).bound == .moreThan)
    #expect(worth(10.5).factor == 1000)
    #expect(worth(2).bound == .atMost)
    #expect(worth(1, rows: 1000).factor == 0.1)
  }

  @Test func boundsAreBeyondWhatTheyExclude() {
    let ordered = [worth(1), worth(4), worth(8), worth(11)]
    #expect(zip(ordered, ordered.dropFirst()).allSatisfy { $0 < $1 })
  }
}
