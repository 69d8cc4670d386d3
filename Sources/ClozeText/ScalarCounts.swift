/// How often each Unicode scalar was counted. Counts are in pages of 256 scalars, allocated at their first use.
struct ScalarCounts: Sendable {
  private var pageStarts: [Int32] = []
  private var counts: [Int] = []

  @inline(__always)
  mutating func add(_ scalar: UInt32, _ count: Int = 1) {
    counts[place(of: scalar)] += count
  }

  static func += (left: inout ScalarCounts, right: ScalarCounts) {
    right.visit { left.add($0, $1) }
  }

  var total: Int { counts.reduce(0, +) }

  /// Calls `body` with each scalar that was counted, in the order of code points.
  func visit(_ body: (_ scalar: UInt32, _ count: Int) -> Void) {
    for (page, start) in pageStarts.enumerated() where start >= 0 {
      for offset in 0..<256 where counts[Int(start) + offset] > 0 {
        body(UInt32(page << 8 | offset), counts[Int(start) + offset])
      }
    }
  }

  @inline(__always)
  private mutating func place(of scalar: UInt32) -> Int {
    let page = Int(scalar >> 8)
    if page < pageStarts.count, pageStarts[page] >= 0 { return Int(pageStarts[page]) + Int(scalar & 255) }
    return addPage(page) + Int(scalar & 255)
  }

  @inline(never)
  private mutating func addPage(_ page: Int) -> Int {
    precondition(page < 0x1100, "ScalarCounts: page \(page)")
    while pageStarts.count <= page { pageStarts.append(-1) }
    pageStarts[page] = Int32(counts.count)
    counts += [Int](repeating: 0, count: 256)
    return Int(pageStarts[page])
  }
}

extension ScalarCounts: Equatable {
  /// Two values are equal if every scalar has the same count in both.
  static func == (left: ScalarCounts, right: ScalarCounts) -> Bool { left.list == right.list }

  /// Scalar, count, scalar, count, ascending.
  private var list: [Int] {
    var list: [Int] = []
    visit { list += [Int($0), $1] }
    return list
  }
}

extension ScalarCounts: Codable {
  /// Small enough that a sum over all scalars does not overflow.
  private static let maximumCount = 1 << 42

  /// A list of scalar, count, scalar, count, ascending.
  init(from decoder: any Decoder) throws {
    var list = try decoder.unkeyedContainer()
    var next: UInt32 = 0
    while !list.isAtEnd {
      let scalar = try list.decode(UInt32.self)
      let count = try list.decode(Int.self)
      guard Unicode.Scalar(scalar) != nil, scalar >= next, (0...ScalarCounts.maximumCount).contains(count)
      else {
        throw DecodingError.dataCorruptedError(in: list, debugDescription: "no count of a scalar")
      }
      next = scalar + 1
      add(scalar, count)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(list)
  }
}
