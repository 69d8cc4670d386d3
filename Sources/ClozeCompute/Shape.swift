/// The legend of all shapes in Cloze's comments.
///
/// | letter | size |
/// |---|---|
/// | N | tokens of a micro-batch, all its sequences one after another |
/// | B | windows or sentences of a micro-batch |
/// | T | tokens of a window |
/// | D | hidden size |
/// | F | feed-forward size |
/// | H | heads; a head is D / H wide |
/// | M | predicted (masked) positions of a micro-batch |
/// | V | vocabulary size |
///
/// Activations are matrices. A micro-batch is one flat run of N tokens and not a padded [B, T]; `Sequences` tells which
/// tokens belong together.
package enum ElementType: Sendable {
  case float32
  /// The upper half of a float32: the same range, with 8 bits of precision.
  case bfloat16

  /// Bytes an element.
  package var size: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    }
  }
}

/// The sequences of a flat run of tokens: sequence i has the tokens `offsets[i] ..< offsets[i + 1]`.
package struct Sequences: Sendable, Equatable {
  /// Cumulative lengths: ascending, the first 0.
  package let offsets: [Int]

  package init(offsets: [Int]) {
    precondition(
      offsets.first == 0 && zip(offsets, offsets.dropFirst()).allSatisfy(<=),
      "Sequences: offsets must rise from 0")
    self.offsets = offsets
  }

  package init(lengths: [Int]) {
    self.init(offsets: lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) })
  }

  package var count: Int { offsets.count - 1 }
  package var tokenCount: Int { offsets[offsets.count - 1] }

  package subscript(index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }
}
