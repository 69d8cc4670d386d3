import ClozeCLI
import ClozeCore
import ClozeEvaluation
import Foundation

/// The result of `--fill`, as a table and as JSON.
struct FillingResult {
  let model: URL
  let sentence: String
  let blanks: [MaskFilling.Blank]

  /// A table of tokens and probabilities for each `[MASK]`.
  var text: String {
    let tables = blanks.enumerated().map { index, blank in
      var table = Table()
      for candidate in blank.candidates {
        table.add(candidate.token, Figure.percent(candidate.probability, 2))
      }
      return blanks.count == 1 ? table.text : "[MASK] \(index + 1)\n" + table.text
    }
    return tables.joined(separator: "\n\n")
  }

  func json() throws -> String {
    try JSONText.encode(
      JSON(
        model: model.path, sentence: sentence,
        blanks: blanks.map { blank in
          JSON.Blank(
            position: blank.position,
            candidates: blank.candidates.map {
              JSON.Candidate(token: $0.token, id: Int($0.id), probability: JSONText.number($0.probability))
            })
        }))
  }
}

/// The keys of `--json`. They must not change, since programs read them.
private struct JSON: Encodable {
  struct Candidate: Encodable {
    let token: String
    let id: Int
    let probability: Double?
  }

  struct Blank: Encodable {
    let position: Int
    let candidates: [Candidate]
  }

  let model: String
  let sentence: String
  let blanks: [Blank]
}
