/// The edit distances between the prefixes of a hypothesis and those of a reference, near the diagonal.
///
/// Row i belongs to the first i words of the hypothesis, column j to the first j of the reference. Only columns within
/// `beam` of the diagonal are computed, except in the first row and at the end of the last. For a hypothesis with the
/// same beginning as the one before, only the rows after it are computed again.
struct EditTable {
  /// An edit of the hypothesis towards the reference.
  private enum Edit { case keep, substitute, delete, insert }

  /// Which words of a hypothesis stand for which of the reference.
  struct Alignment {
    /// For each word of the reference the word of the hypothesis that it was aligned with, or the one before it where it
    /// is missing; -1 is before the first.
    var places: [Int] = []
    /// For each word of the reference, whether it is missing or another word stands for it.
    var isReferenceWrong: [Bool] = []
    /// The same for the hypothesis.
    var isHypothesisWrong: [Bool] = []
  }

  /// Tercom's limit.
  private static let beam = 25
  private static let infinity = Int32.max / 2

  private let reference: [Int32]
  private var hypothesis: [Int32] = []
  /// The computed columns of each row.
  private var columns: [Range<Int>]
  /// The place of each row in `costs` and `edits`.
  private var starts: [Int] = [0]
  private var costs: [Int32]
  private var edits: [Edit]

  /// - Parameters:
  ///   - reference: the words, each a number.
  ///   - hypothesisCount: the words of all hypotheses that are compared with it.
  init(_ reference: [Int32], hypothesisCount: Int) {
    let width = reference.count + 1
    self.reference = reference
    columns = [0..<width]
    if hypothesisCount > 0 {
      let ratio = Double(reference.count) / Double(hypothesisCount)
      // Where a row moves the diagonal by more than a beam, a wider one keeps the rows connected.
      let beam = max(
        EditTable.beam, Double(EditTable.beam) < ratio / 2 ? Int((ratio / 2 + 25).rounded(.up)) : 0)
      for row in 1...hypothesisCount {
        let diagonal = Int((Double(row) * ratio).rounded(.down))
        let end = row == hypothesisCount ? width : min(width, diagonal + beam)
        starts.append(starts[row - 1] + columns[row - 1].count)
        columns.append(max(0, diagonal - beam)..<end)
      }
    }
    let count = starts[hypothesisCount] + columns[hypothesisCount].count
    costs = (0..<width).map(Int32.init) + [Int32](repeating: 0, count: count - width)
    edits = [Edit](repeating: .insert, count: count)
  }

  /// The edits that turn `hypothesis` into the reference, without shifts.
  mutating func distance(of hypothesis: [Int32]) -> Int {
    precondition(hypothesis.count + 1 == columns.count, "EditTable: \(hypothesis.count) words")
    let same = zip(self.hypothesis, hypothesis).prefix { $0 == $1 }.count
    self.hypothesis = hypothesis
    for row in same..<hypothesis.count { compute(row: row + 1, word: hypothesis[row]) }
    return Int(costs[costs.count - 1])
  }

  /// Of equally few edits, Tercom prefers to keep or substitute, then to delete, then to insert.
  private mutating func compute(row: Int, word: Int32) {
    let (above, here) = (columns[row - 1], columns[row])
    let (aboveStart, start) = (starts[row - 1] - above.lowerBound, starts[row] - here.lowerBound)
    var left = EditTable.infinity
    for column in here {
      var (cost, edit) = (EditTable.infinity, Edit.insert)
      if column > 0, above.contains(column - 1) {
        let isSame = reference[column - 1] == word
        cost = costs[aboveStart + column - 1] + (isSame ? 0 : 1)
        edit = isSame ? .keep : .substitute
      }
      if above.contains(column), costs[aboveStart + column] + 1 < cost {
        cost = costs[aboveStart + column] + 1
        edit = .delete
      }
      if left + 1 < cost {
        cost = left + 1
        edit = .insert
      }
      costs[start + column] = cost
      edits[start + column] = edit
      left = cost
    }
  }

  /// The alignment of the hypothesis whose distance was computed last.
  func alignment() -> Alignment {
    var (row, column) = (hypothesis.count, reference.count)
    var path: [Edit] = []
    while row > 0 || column > 0 {
      let edit = edits[starts[row] + column - columns[row].lowerBound]
      path.append(edit)
      if edit != .insert { row -= 1 }
      if edit != .delete { column -= 1 }
    }
    var alignment = Alignment()
    for edit in path.reversed() {
      if edit != .insert { alignment.isHypothesisWrong.append(edit != .keep) }
      if edit != .delete {
        alignment.places.append(alignment.isHypothesisWrong.count - 1)
        alignment.isReferenceWrong.append(edit != .keep)
      }
    }
    return alignment
  }
}
