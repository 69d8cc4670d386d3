import ClozeStudies
import ClozeTestSupport
import Foundation

/// A function to minimize, with its space.
struct SearchProblem: Sendable {
  let space: SearchSpace
  let loss: @Sendable (SearchPoint) -> Double

  /// The best loss after each of some numbers of trials, one after the other.
  func best(_ kind: ProposerKind, seed: UInt64, after counts: [Int]) -> [Double] {
    let proposer = kind.proposer(space: space, seed: seed)
    var observations: [SearchObservation] = []
    var best: [Double] = []
    for trial in 0..<(counts.max() ?? 0) {
      let point = proposer.propose(trial: trial, observations: observations, pending: [])
      let loss = loss(point)
      observations.append(SearchObservation(point: point, loss: loss))
      best.append(min(best.last ?? .infinity, loss))
    }
    return counts.map { best[$0 - 1] }
  }

  /// `best` of several seeds: for each count the values by ascending loss.
  func best(_ kind: ProposerKind, seeds: Int, after counts: [Int]) -> [[Double]] {
    let runs = (0..<seeds).map { best(kind, seed: UInt64(1100 + $0), after: counts) }
    return counts.indices.map { index in runs.map { $0[index] }.sorted() }
  }
}

func median(_ ascending: [Double]) -> Double {
  (ascending[(ascending.count - 1) / 2] + ascending[ascending.count / 2]) / 2
}

/// The functions of `search-anchors.json`, and what the samplers of Optuna reach on them.
struct SearchAnchors: Decodable {
  struct Axis: Decodable {
    let name: String
    let low: Double
    let high: Double
    let weight: Double?
    let target: Double?
  }
  struct Choice: Decodable {
    let name: String
    let choices: [String]
    let offsets: [Double]
  }
  struct Function: Decodable {
    let space: [Axis]?
    let alpha: [Double]?
    let widths: [[Double]]?
    let centers: [[Double]]?
    let floats: [Axis]?
    let integers: [Axis]?
    let categoricals: [Choice]?

    enum CodingKeys: String, CodingKey {
      case space, alpha, floats, integers, categoricals
      case widths = "A"
      case centers = "P"
    }
  }
  struct Sampler: Decodable { let median: [Double] }
  enum Setting: Decodable {
    case number(Double)
    case name(String)
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else {
        self = .name(try container.decode(String.self))
      }
    }
  }
  struct Check: Decodable {
    let point: [String: Setting]
    let value: Double
    enum CodingKeys: String, CodingKey {
      case point = "x"
      case value
    }
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      value = try container.decode(Double.self, forKey: .value)
      if let list = try? container.decode([Double].self, forKey: .point) {
        point = Dictionary(uniqueKeysWithValues: list.enumerated().map { ("x\($0 + 1)", .number($1)) })
      } else {
        point = try container.decode([String: Setting].self, forKey: .point)
      }
    }
  }

  let functions: [String: Function]
  let checks: [String: [Check]]
  /// Medians after 20, 50 and 100 trials.
  let best: [String: [String: Sampler]]

  static func read() throws -> SearchAnchors {
    try JSONDecoder().decode(SearchAnchors.self, from: Data(contentsOf: Fixtures.url("search-anchors.json")))
  }
}

extension SearchPoint {
  func number(_ key: String) -> Double {
    if case .number(let number) = values[key] { number } else { .nan }
  }
  func position(_ key: String) -> Int {
    if case .choice(let position) = values[key] { position } else { -1 }
  }
}

extension SearchDimension {
  init(_ axis: SearchAnchors.Axis, isLogarithmic: Bool = false, multiple: Double? = nil) {
    self.init(
      key: axis.name,
      domain: .range(lower: axis.low, upper: axis.high, isLogarithmic: isLogarithmic, multiple: multiple))
  }
}

extension SearchProblem {
  static func named(_ name: String, _ function: SearchAnchors.Function) -> SearchProblem {
    switch name {
    case "branin": branin(function)
    case "hartmann6": hartmann(function)
    default: mixed(function)
    }
  }

  private static func branin(_ function: SearchAnchors.Function) -> SearchProblem {
    SearchProblem(space: SearchSpace(dimensions: (function.space ?? []).map { SearchDimension($0) })) {
      point in
      let (x, y) = (point.number("x1"), point.number("x2"))
      let valley = y - 5.1 / (4 * .pi * .pi) * x * x + 5 / .pi * x - 6
      return valley * valley + 10 * (1 - 1 / (8 * .pi)) * cos(x) + 10
    }
  }

  private static func hartmann(_ function: SearchAnchors.Function) -> SearchProblem {
    let (alpha, widths, centers) = (function.alpha ?? [], function.widths ?? [], function.centers ?? [])
    return SearchProblem(space: SearchSpace(dimensions: (function.space ?? []).map { SearchDimension($0) })) {
      point in
      var sum = 0.0
      for peak in alpha.indices {
        var square = 0.0
        for axis in 0..<6 {
          let difference = point.number("x\(axis + 1)") - centers[peak][axis]
          square += widths[peak][axis] * difference * difference
        }
        sum -= alpha[peak] * exp(-square)
      }
      return sum
    }
  }

  private static func mixed(_ function: SearchAnchors.Function) -> SearchProblem {
    let (floats, integers, choices) =
      (function.floats ?? [], function.integers ?? [], function.categoricals ?? [])
    let space = SearchSpace(
      dimensions: floats.map { SearchDimension($0, isLogarithmic: true) }
        + integers.map { SearchDimension($0, multiple: 1) }
        + choices.map { SearchDimension(key: $0.name, domain: .choice($0.choices)) })
    return SearchProblem(space: space) { point in
      var sum = 0.0
      for (axis, value) in floats.map({ ($0, log10(point.number($0.name))) })
        + integers.map({ ($0, point.number($0.name)) })
      {
        let difference = value - (axis.target ?? 0)
        sum += (axis.weight ?? 0) * difference * difference
      }
      for choice in choices { sum += choice.offsets[point.position(choice.name)] }
      sum += 0.2 * (log10(point.number("learning_rate")) + 3) * (point.number("layers") - 7)
      let difference = log10(point.number("temperature")) + 0.5
      return sum + [0, 0.5, 1][point.position("activation")] * difference * difference
    }
  }

  /// Trained translators as a table: the loss is the negative BLEU, and only settings in the table are allowed.
  static func table(_ name: String) throws -> SearchProblem {
    let text = try String(contentsOf: Fixtures.url("nmt-tables/\(name).csv"), encoding: .utf8)
    let lines = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ",").map(String.init) }
    let keys = Array(lines[0].prefix(6))
    let rows = lines.dropFirst().map { $0.compactMap(Double.init) }
    let levels = keys.indices.map { column in Set(rows.map { $0[column] }).sorted() }
    var scores: [[Int]: Double] = [:]
    for row in rows { scores[keys.indices.map { levels[$0].firstIndex(of: row[$0]) ?? -1 }] = row[6] }
    let space = SearchSpace(
      dimensions: keys.indices.map { SearchDimension(key: keys[$0], domain: .levels(levels[$0])) },
      isAllowed: { [scores] point in scores[keys.map { point.position($0) }] != nil })
    return SearchProblem(space: space) { [scores] point in -(scores[keys.map { point.position($0) }] ?? .nan)
    }
  }
}
