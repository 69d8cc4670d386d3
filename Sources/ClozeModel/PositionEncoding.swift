internal import ClozeCore

/// How an encoder knows the places of its tokens.
package enum PositionEncoding: String, NamedChoice {
  /// An embedding for each position is added to the token's. BERT's.
  case learned
  /// Attention turns queries and keys by angles that grow with the position, see `Tape.rotary`.
  case rotary
}
