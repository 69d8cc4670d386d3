/// The vocabulary as a tree of bytes, for the longest piece that begins a string.
///
/// The edges of all nodes lie in one open-addressing table keyed by (node, byte): no node is dearer than its edges,
/// however many scripts the vocabulary holds.
struct PieceTrie: Sendable {
  private var keys: [UInt64]
  private var children: [Int32]
  private var mask: Int
  /// The token that ends at a node, -1 where none does.
  private var tokens: [TokenID] = [-1]

  /// Where a piece that begins a word starts.
  static let beginning: Int32 = 0
  /// Where a piece that continues a word starts: after "##"; nil where the vocabulary has no such piece.
  private(set) var continuation: Int32?

  /// The pieces that words are spelled with, which added tokens are not.
  init(_ vocabulary: Vocabulary) {
    let added = Set(vocabulary.added.filter { !$0.isPiece }.map(\.id))
    self.init(
      vocabulary.tokens.enumerated().compactMap { id, token in
        added.contains(TokenID(id)) ? nil : (TokenID(id), token)
      })
  }

  /// - Parameter pieces: of two of one spelling, the first counts.
  init(_ pieces: [(id: TokenID, text: String)]) {
    var size = 1024
    let byteCount = pieces.reduce(0) { $0 + $1.text.utf8.count }
    while size < 2 * byteCount { size *= 2 }
    keys = [UInt64](repeating: 0, count: size)
    children = [Int32](repeating: -1, count: size)
    mask = size - 1
    for (id, text) in pieces {
      var node = PieceTrie.beginning
      for byte in text.utf8 { node = makeChild(of: node, byte) }
      if tokens[Int(node)] < 0 { tokens[Int(node)] = id }
    }
    var node: Int32? = PieceTrie.beginning
    for byte in Vocabulary.continuationPrefix.utf8 { node = node.flatMap { child(of: $0, byte) } }
    continuation = node
  }

  /// The longest piece that `word` begins with from `offset` on, reading on from `root`.
  func longestPiece(_ word: UnsafeBufferPointer<UInt8>, from offset: Int, root: Int32) -> (
    id: TokenID, end: Int
  )? {
    var node = root
    var best: (id: TokenID, end: Int)?
    for end in offset..<word.count {
      guard let next = child(of: node, word[end]) else { break }
      node = next
      let token = tokens[Int(node)]
      if token >= 0 { best = (token, end + 1) }
    }
    return best
  }

  /// The slot that holds an edge, or the empty one where it belongs.
  private func slot(_ node: Int32, _ byte: UInt8) -> (index: Int, isFound: Bool) {
    let key = UInt64(node) << 8 | UInt64(byte)
    var index = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    while children[index] >= 0 {
      if keys[index] == key { return (index, true) }
      index = (index + 1) & mask
    }
    return (index, false)
  }

  private func child(of node: Int32, _ byte: UInt8) -> Int32? {
    let (index, isFound) = slot(node, byte)
    return isFound ? children[index] : nil
  }

  private mutating func makeChild(of node: Int32, _ byte: UInt8) -> Int32 {
    let (index, isFound) = slot(node, byte)
    if isFound { return children[index] }
    let child = Int32(tokens.count)
    keys[index] = UInt64(node) << 8 | UInt64(byte)
    children[index] = child
    tokens.append(-1)
    return child
  }
}
