internal import ClozeCore

/// What a layer of an encoder consists of: a mixer, which moves information between tokens, and a feed-forward sub-layer,
/// which treats each token by itself.
package struct Block: Sendable, Equatable {
  package let mixer: MixerKind
  package let feedForward: FeedForwardKind

  /// As it is written in `model.blocks`.
  package var name: String {
    feedForward == mixer.usualFeedForward ? mixer.rawValue : "\(mixer.rawValue)/\(feedForward.rawValue)"
  }
}

package enum MixerKind: String, CaseIterable, Sendable {
  /// A token sees all tokens of its sequence.
  case attention
  /// A token sees the tokens within `model.localWindow` / 2 places.
  case localAttention
  /// A recurrent layer in both directions, with the cell `model.recurrentCell`.
  case recurrent
  /// gMLP's layer, which gates each token by those less than `model.gateReach` places away.
  case gatedMLP

  /// The name of the sub-layer in paths of parameters and tensors.
  var path: String {
    switch self {
    case .attention, .localAttention: "attention"
    case .recurrent, .gatedMLP: rawValue
    }
  }

  /// The feed-forward sub-layer of a block that names none. A gated MLP has an inner layer of its own.
  var usualFeedForward: FeedForwardKind { self == .gatedMLP ? .none : .plain }
}

package enum FeedForwardKind: String, CaseIterable, Sendable {
  /// activation(x W) V, with `model.activation`.
  case plain
  /// (gelu(x W) * x U) V. Source: Shazeer 2020, arXiv:2002.05202.
  case geglu
  /// (silu(x W) * x U) V, from the same paper.
  case swiglu
  /// relu(x W)² V. Source: So et al. 2021, arXiv:2109.08668.
  case reluSquared
  /// There is none: the mixer has an inner layer of its own.
  case none
}

/// The blocks of the layers as one line of text: a list that is repeated from the first layer on.
///
///     attention                                   every layer is BERT's
///     attention/geglu, localAttention/geglu       two kinds, in turns
///     [attention, localAttention] x 2             four layers in all
///     attention x 2, [localAttention, attention] x 3
///
/// A block is `mixer` or `mixer/feedForward`. A list in brackets and a number of repetitions are for a part of the line. A
/// line with a number names all layers; any other is repeated as long as there are layers, and may end in the middle.
package struct BlockPattern: Sendable, Equatable, Codable, CustomStringConvertible {
  package let description: String
  /// The layers of a model, and so of a line, at most.
  private static let mostLayers = 1 << 10

  package init(_ text: String) { description = text }

  /// The shortest line without numbers for these blocks.
  init(_ blocks: [Block]) {
    let period =
      (1..<max(blocks.count, 1)).first { period in
        blocks.indices.allSatisfy { blocks[$0] == blocks[$0 % period] }
      } ?? blocks.count
    description = blocks.prefix(period).map(\.name).joined(separator: ", ")
  }

  package init(from decoder: any Swift.Decoder) throws {
    description = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Swift.Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// The block of each of `layerCount` layers.
  ///
  /// - Parameter path: the setting, for errors.
  /// - Throws: `ConfigurationError.invalid` for a word that is no block, or a line that names other layers than there are.
  package func blocks(layerCount: Int, path: String) throws -> [Block] {
    func refusal(_ reason: String) -> ConfigurationError { .invalid(path: path, reason: reason) }
    var reader = BlockReader(description)
    do {
      let blocks = try reader.line(most: BlockPattern.mostLayers)
      guard blocks.count <= layerCount, !reader.hasNumber || blocks.count == layerCount else {
        throw refusal(
          "names \(blocks.count) layers, and layerCount is \(layerCount); make them equal"
            + (reader.hasNumber ? ", or leave the number out, so that the list repeats by itself" : ""))
      }
      return (0..<layerCount).map { blocks[$0 % blocks.count] }
    } catch let error as BlockReader.Problem {
      throw refusal(error.reason)
    }
  }
}

/// Reads a line of blocks.
private struct BlockReader {
  struct Problem: Error { let reason: String }

  /// Words and the four symbols, the next one last.
  private var rest: [Substring]
  private(set) var hasNumber = false

  init(_ text: String) {
    var words: [Substring] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index].isWhitespace {
        index = text.index(after: index)
        continue
      }
      let isSymbol = { (character: Character) in "[],/".contains(character) }
      let end =
        isSymbol(text[index])
        ? text.index(after: index)
        : text[index...].firstIndex { isSymbol($0) || $0.isWhitespace } ?? text.endIndex
      words.append(text[index..<end])
      index = end
    }
    rest = words.reversed()
  }

  private var next: Substring { rest.last ?? "" }

  private mutating func take(_ word: Substring) -> Bool {
    guard next == word, !rest.isEmpty else { return false }
    rest.removeLast()
    return true
  }

  private func name(_ word: Substring) -> String {
    word.isEmpty ? "its end" : "'\(word.count > 40 ? "\(word.prefix(40))…" : word)'"
  }

  /// - Parameter most: blocks that a line may have.
  mutating func line(most: Int) throws -> [Block] {
    var blocks: [Block] = []
    repeat {
      let part = try self.part()
      let count = try repetitions(most: most)
      guard blocks.count + part.count * count <= most else {
        throw Problem(reason: "names more than \(most) layers; choose fewer")
      }
      blocks += (0..<count).flatMap { _ in part }
    } while take(",")
    guard rest.isEmpty else {
      throw Problem(
        reason:
          "has \(name(next)) after a block; write a comma between blocks, and x and a number after what repeats"
      )
    }
    return blocks
  }

  /// A block, or several in brackets.
  private mutating func part() throws -> [Block] {
    guard take("[") else { return [try block()] }
    var blocks = [try block()]
    while take(",") { blocks.append(try block()) }
    guard take("]") else {
      throw Problem(reason: "has \(name(next)) where a list goes on or ends; write a comma or ']'")
    }
    return blocks
  }

  private mutating func block() throws -> Block {
    let mixer: MixerKind = try choice("where a mixer belongs")
    return Block(
      mixer: mixer, feedForward: take("/") ? try choice("after '\(mixer.rawValue)/'") : mixer.usualFeedForward
    )
  }

  private mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ place: String
  ) throws -> Choice {
    guard let choice = Choice(rawValue: String(next)) else {
      let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(reason: "has \(name(next)) \(place); choose one of \(names)")
    }
    rest.removeLast()
    return choice
  }

  private mutating func repetitions(most: Int) throws -> Int {
    guard take("x") else { return 1 }
    guard let count = Int(next), (1...most).contains(count) else {
      throw Problem(
        reason:
          "has \(name(next)) after 'x'; write a number of 1 to \(most), as in [attention, localAttention] x 2"
      )
    }
    rest.removeLast()
    hasNumber = true
    return count
  }
}
