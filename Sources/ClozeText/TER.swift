/// Translation edit rate: the edits that turn the hypotheses into the references, in percent of the words of the
/// references.
///
/// An edit inserts, deletes or replaces a word, or shifts a run of words to another place. The fewest edits with shifts
/// are not computable in reasonable time, so shifts are chosen greedily: the one that lowers the edit distance most is
/// made, until none does. Words are what stands between white space, in lower case; so a Chinese sentence is one word.
///
/// Source: Snover et al. 2006, "A study of translation edit rate with targeted human annotation", section 3; the limits
/// are those of Tercom as in sacreBLEU 2.6.
package struct TER: CorpusMetric {
  package init() {}

  package let name = "TER"
  package let prefersLarger = false
  package let statisticCount = 2

  /// The edits for the reference that needs the fewest, and the mean length of the references in words.
  package func statistics(_ hypothesis: String, references: [String]) -> [Double] {
    // Words are compared as numbers: equal words have the same.
    var numbers: [[Unicode.Scalar]: Int32] = [:]
    func words(_ text: String) -> [Int32] {
      text.lowercaseScalars.split(whereSeparator: \.isWhiteSpaceInPython).map { word in
        let word = Array(word)
        if let number = numbers[word] { return number }
        numbers[word] = Int32(numbers.count)
        return Int32(numbers.count - 1)
      }
    }
    let hypothesisWords = words(hypothesis)
    let referenceWords = references.map(words)
    let edits = referenceWords.map { ShiftedEdits(hypothesisWords, $0).count }.min() ?? 0
    let length = referenceWords.reduce(0) { $0 + $1.count }
    return [Double(edits), Double(length) / Double(references.count)]
  }

  package func value(_ sums: [Double]) -> Double {
    if sums[1] > 0 { return 100 * sums[0] / sums[1] }
    return sums[0] > 0 ? 100 : 0
  }

  package func signature(referenceCount: Int) -> String {
    "nrefs:\(referenceCount)|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:\(MetricScore.version)"
  }
}

/// The edits between two texts, with shifts.
private struct ShiftedEdits {
  private static let longestShift = 10
  private static let farthestShift = 50
  private static let mostCandidates = 1000

  private let reference: [Int32]
  private var words: [Int32]
  private var table: EditTable
  private var candidates = 0
  /// The edits, each shift one.
  private(set) var count = 0

  init(_ hypothesis: [Int32], _ reference: [Int32]) {
    self.reference = reference
    words = hypothesis
    table = EditTable(reference, hypothesisCount: hypothesis.count)
    guard !reference.isEmpty else {
      count = hypothesis.count
      return
    }
    while let shift = bestShift(), candidates < Self.mostCandidates, shift.gain > 0 {
      words = shift.words
      count += 1
    }
    count += table.distance(of: words)
  }

  /// A run of words at another place.
  private struct Shift {
    let words: [Int32]
    let gain: Int
    let length: Int
    let start: Int
    let target: Int

    /// The larger gain, then the longer run, then the earlier run, then the earlier target.
    func isBetter(than other: Shift) -> Bool {
      (gain, length, other.start, other.target) > (other.gain, other.length, start, target)
    }
  }

  /// The best of all shifts of a run that is somewhere else in the reference; nil if there is none.
  private mutating func bestShift() -> Shift? {
    let distance = table.distance(of: words)
    let alignment = table.alignment()
    var best: Shift?
    for start in words.indices {
      let first = max(0, start - Self.farthestShift)
      for place in first..<max(first, min(reference.count, start + Self.farthestShift + 1)) {
        var length = 0
        while length < Self.longestShift, start + length < words.count, place + length < reference.count,
          words[start + length] == reference[place + length]
        {
          length += 1
          for target in targets(of: start..<start + length, at: place, alignment) {
            let shifted = shifted(start..<start + length, to: target)
            let gain = distance - table.distance(of: shifted)
            let shift = Shift(words: shifted, gain: gain, length: length, start: start, target: target)
            candidates += 1
            if best.map(shift.isBetter) ?? true { best = shift }
          }
          if candidates >= Self.mostCandidates { return best }
        }
      }
    }
    return best
  }

  /// The places in the hypothesis before which to put `run`, which equals the reference from `place` on: none if the run
  /// or that part of the reference is right where it is, or if they are aligned already.
  private func targets(of run: Range<Int>, at place: Int, _ alignment: EditTable.Alignment) -> [Int] {
    let part = place..<place + run.count
    guard alignment.isHypothesisWrong[run].contains(true), alignment.isReferenceWrong[part].contains(true),
      !run.contains(alignment.places[place])
    else { return [] }
    var targets: [Int] = []
    for word in place - 1..<part.upperBound {
      let target = word < 0 ? 0 : alignment.places[word] + 1
      if target != targets.last { targets.append(target) }
    }
    return targets
  }

  private func shifted(_ run: Range<Int>, to target: Int) -> [Int32] {
    var rest = words
    rest.removeSubrange(run)
    // Tercom takes a target within the run for one that many words after it.
    let place = target > run.upperBound ? target - run.count : target
    rest.insert(contentsOf: words[run], at: min(place, rest.count))
    return rest
  }
}

extension String {
  /// The text in lower case as Python's `str.lower` gives it: a Σ at the end of a word becomes ς.
  var lowercaseScalars: [Unicode.Scalar] {
    let scalars = Array(unicodeScalars)
    func isCased(_ scalars: some Sequence<Unicode.Scalar>) -> Bool {
      scalars.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    }
    return scalars.indices.flatMap { index -> [Unicode.Scalar] in
      let scalar = scalars[index]
      if scalar == "Σ" {
        return isCased(scalars[..<index].reversed()) && !isCased(scalars[(index + 1)...]) ? ["ς"] : ["σ"]
      }
      return scalar.isASCII && !("A"..."Z").contains(scalar)
        ? [scalar] : Array(scalar.properties.lowercaseMapping.unicodeScalars)
    }
  }
}
