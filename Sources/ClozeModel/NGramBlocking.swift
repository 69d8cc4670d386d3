/// The tokens that would repeat a sequence of tokens.
///
/// Source: Paulus, Xiong and Socher 2018, section 2.5, arXiv:1705.04304; defined as `no_repeat_ngram_size` of
/// `transformers`.
enum NGramBlocking {
  /// The tokens that, after `tokens`, would end an n-gram which `tokens` has already.
  /// - Parameter size: n, at least 1.
  static func blocked(after tokens: [Int32], size: Int) -> [Int32] {
    guard tokens.count >= size else { return [] }
    let beginning = tokens.suffix(size - 1)
    return (0...tokens.count - size).filter { tokens[$0..<$0 + size - 1].elementsEqual(beginning) }.map {
      tokens[$0 + size - 1]
    }
  }
}
