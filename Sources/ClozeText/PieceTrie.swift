/// The vocabulary as a trie of bytes, which finds the longest piece at the beginning of a string.
///
/// The edges of all nodes are in one hash table with the key (node, byte), so memory grows with the edges alone,
/// whatever scripts the vocabulary contains.
struct PieceTrie: Sendable {
  private var keys: [UInt64]
  private var children: [Int32]
  private var mask: Int
  /// By node: the token that ends there, or -1.
  private var tokens: [TokenID] = [-1]

  /// The node from which pieces at the beginning of a word are read.
  static let beginning: Int32 = 0
  /// The node from which pieces inside a word are read, the one after "##"; nil if the vocabulary has no such piece.
  private(set) var continuation: Int32?

  /// A trie of the pieces of words. Added tokens are not among them, unless they are pieces too.
  init(_ vocabulary: Vocabulary) {
    let added = Set(vocabulary.added.filter { !$0.isPiece }.map(\.id))
    self.init(
      vocabulary.tokens.enumerated().compactMap { id, token in
        added.contains(TokenID(id)) ? nil : (TokenID(id), token)
      })
  }

  /// - Parameter pieces: of two with the same spelling, the first one counts.
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

  /// The longest piece of `word` from `offset` on; `root` is `beginning` or `continuation`.
  func longestPiece(_ word: UnsafeBufferPointer<UInt8>, from offset: Int, root: Int32) -> (
    id: TokenID, end: Int
  )? {
    longestPiece(word, from: offset, root: root, passesOver: { false })
  }

  /// The same among the pieces that `passesOver` leaves, which is asked of each but the shortest.
  @inline(__always)
  func longestPiece(
    _ word: UnsafeBufferPointer<UInt8>, from offset: Int, root: Int32, passesOver: () -> Bool
  ) -> (id: TokenID, end: Int)? {
    var node = root
    var best: (id: TokenID, end: Int)?
    for end in offset..<word.count {
      guard let next = child(of: node, word[end]) else { break }
      node = next
      let token = tokens[Int(node)]
      if token >= 0, best == nil || !passesOver() { best = (token, end + 1) }
    }
    return best
  }

  /// The slot of an edge, or the empty slot in which it belongs.
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
