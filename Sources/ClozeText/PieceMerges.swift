/// The state of byte-pair merging: every word as its pieces so far, with the count and the places of every pair of
/// neighbours.
///
/// Pairs are numbered in the order in which they first occur, and their data are in arrays by this number. So the loops
/// over the words hash each pair once, and allocate nothing but the lists of places.
struct PieceMerges {
  /// Two neighbouring pieces as one number, which orders pairs by the left piece and then by the right one.
  struct Pair: Hashable {
    let key: UInt64

    fileprivate init(key: UInt64) { self.key = key }
    init(_ left: TokenID, _ right: TokenID) { key = UInt64(left) << 32 | UInt64(right) }

    var left: TokenID { TokenID(truncatingIfNeeded: key >> 32) }
    var right: TokenID { TokenID(truncatingIfNeeded: key) }
  }

  private struct Candidate: HeapElement {
    let pair: Pair
    let count: Int

    /// The most frequent pair first; of equally frequent ones, the one with the lower ids.
    func precedes(_ other: Candidate) -> Bool {
      count != other.count ? count > other.count : pair.key < other.pair.key
    }
  }

  /// The pieces of all words, one word after another. A merge makes a word's list shorter in place.
  private var pieces: [TokenID] = []
  private var starts: [Int] = []
  private var lengths: [Int] = []
  private var wordCounts: [Int] = []

  private var numbers = PairNumbers()
  /// By the number of the pair: how often it occurs in the text.
  private var counts: [Int] = []
  /// By the number of the pair: the words that contain it, or contained it before a merge.
  private var places: [[Int32]] = []
  /// By the number of the pair: the last merge that raised its count.
  private var lastGains: [Int32] = []
  private var mergeCount: Int32 = 0
  private var heap = Heap<Candidate>()

  /// Adds a word. A word of one piece has nothing to merge and is ignored.
  mutating func add(_ spelling: [TokenID], count: Int) {
    guard spelling.count > 1 else { return }
    let word = starts.count
    starts.append(pieces.count)
    lengths.append(spelling.count)
    wordCounts.append(count)
    pieces += spelling
    for index in 1..<spelling.count { _ = add(Pair(spelling[index - 1], spelling[index]), word: word) }
  }

  /// Fills the heap. To be called once, after all words were added.
  mutating func begin() {
    numbers.visit { pair, number in heap.push(Candidate(pair: pair, count: counts[number])) }
  }

  /// The pair to merge next; nil if none occurs often enough.
  mutating func popMostFrequent(minimumFrequency: Int) -> Pair? {
    while let candidate = heap.pop() {
      let count = counts[numbers.number(of: candidate.pair)]
      guard count >= minimumFrequency else { continue }
      if count == candidate.count { return candidate.pair }
      // A count in the heap can only be too high: `merge` pushes a pair again when its count rises.
      if count < candidate.count { heap.push(Candidate(pair: candidate.pair, count: count)) }
    }
    return nil
  }

  /// Merges `pair` in every word that contains it.
  mutating func merge(_ pair: Pair, into merged: TokenID) {
    let number = numbers.number(of: pair)
    mergeCount += 1
    var gained: [(pair: Pair, number: Int)] = []
    for place in places[number] {
      let word = Int(place)
      let start = starts[word]
      let end = start + lengths[word]
      var read = start
      var write = start
      while read < end {
        if read + 1 < end, pieces[read] == pair.left, pieces[read + 1] == pair.right {
          if write > start {
            let before = pieces[write - 1]
            replace(Pair(before, pair.left), by: Pair(before, merged), word: word, &gained)
          }
          if read + 2 < end {
            let after = pieces[read + 2]
            replace(Pair(pair.right, after), by: Pair(merged, after), word: word, &gained)
          }
          pieces[write] = merged
          read += 2
        } else {
          pieces[write] = pieces[read]
          read += 1
        }
        write += 1
      }
      lengths[word] = write - start
    }
    // No word contains the pair any more. Overlaps such as "aaa" may have left another count.
    counts[number] = 0
    places[number] = []
    // A pair may already be in the heap, if two merges spell one piece. Its old entry is then too low and is skipped
    // when it is popped.
    for (pair, number) in gained { heap.push(Candidate(pair: pair, count: counts[number])) }
  }

  /// Updates the counts after one occurrence of `old` in `word` became `new`.
  private mutating func replace(
    _ old: Pair, by new: Pair, word: Int, _ gained: inout [(pair: Pair, number: Int)]
  ) {
    counts[numbers.number(of: old)] -= wordCounts[word]
    let number = add(new, word: word)
    if lastGains[number] != mergeCount {
      lastGains[number] = mergeCount
      gained.append((new, number))
    }
  }

  private mutating func add(_ pair: Pair, word: Int) -> Int {
    let number = numbers.number(of: pair)
    if number == counts.count {
      counts.append(0)
      places.append([])
      lastGains.append(0)
    }
    counts[number] += wordCounts[word]
    let place = Int32(truncatingIfNeeded: word)
    if places[number].last != place { places[number].append(place) }
    return number
  }
}

/// Numbers pairs in the order in which they first occur: a hash table with open addressing and linear probing.
private struct PairNumbers {
  /// Key and number are side by side, so a lookup reads one cache line. The number of an empty slot is -1.
  private var slots = [(key: UInt64, number: Int)](repeating: (0, -1), count: 1 << 12)
  private var count = 0

  /// The number of `pair`. A new pair gets the next number.
  mutating func number(of pair: PieceMerges.Pair) -> Int {
    if 2 * (count + 1) > slots.count { grow() }
    let slot = slot(of: pair.key)
    if slots[slot].number < 0 {
      slots[slot] = (pair.key, count)
      count += 1
    }
    return slots[slot].number
  }

  func visit(_ body: (PieceMerges.Pair, Int) -> Void) {
    for slot in slots where slot.number >= 0 { body(PieceMerges.Pair(key: slot.key), slot.number) }
  }

  private func slot(of key: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (slots.count - 1)
    while slots[slot].number >= 0, slots[slot].key != key { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = [(key: UInt64, number: Int)](repeating: (0, -1), count: 2 * old.count)
    for entry in old where entry.number >= 0 { slots[slot(of: entry.key)] = entry }
  }
}

/// An element of a `Heap`.
private protocol HeapElement {
  /// Whether this one is popped before `other`.
  func precedes(_ other: Self) -> Bool
}

/// A binary heap; the element that precedes all others is on top.
private struct Heap<Element: HeapElement> {
  private var elements: [Element] = []

  mutating func push(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, elements[child].precedes(elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Element? {
    guard let top = elements.first, let last = elements.popLast() else { return nil }
    guard !elements.isEmpty else { return top }
    elements[0] = last
    var parent = 0
    while true {
      var best = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count {
        if elements[child].precedes(elements[best]) { best = child }
      }
      if best == parent { return top }
      elements.swapAt(best, parent)
      parent = best
    }
  }
}
