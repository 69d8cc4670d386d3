internal import ClozeCore
internal import Foundation

/// The space of a study with the text of its values.
struct NamedSpace: Sendable {
  let dimensions: [SearchDimension]
  /// Those of its settings that are whole numbers.
  let wholeNumbers: Set<String>

  /// The settings of a point, as `key=value`.
  func overrides(_ point: SearchPoint) -> [String] {
    dimensions.flatMap { dimension in
      point.values[dimension.key].map { overrides(dimension, $0) } ?? []
    }
  }

  private func overrides(_ dimension: SearchDimension, _ value: SearchValue) -> [String] {
    func number(_ value: Double) -> String {
      wholeNumbers.contains(dimension.key) ? "\(Int(value))" : "\(value)"
    }
    switch (dimension.domain, value) {
    case (.range(let lower, let upper, _, nil), .number(let value)):
      // Four digits say all that a trial can tell.
      let rounded = Double(String(format: "%.4g", value)) ?? value
      return ["\(dimension.key)=\((lower...upper).contains(rounded) ? rounded : value)"]
    case (_, .number(let value)): return ["\(dimension.key)=\(number(value))"]
    case (.levels(let levels), .choice(let position)): return ["\(dimension.key)=\(number(levels[position]))"]
    case (.choice(let names), .choice(let position)):
      return [SettingTree.override(dimension.key, names[position])]
    case (.sequence(let names, _), .sequence(let positions)):
      let text = positions.map { names[$0] }.joined(separator: ", ")
      return [
        SettingTree.override(dimension.key, text), "\(SearchSpaceReader.layerCount)=\(positions.count)",
      ]
    default: preconditionFailure("NamedSpace: \(value) is no value of \(dimension.key)")
    }
  }
}
