/// The value of a setting.
package enum SearchValue: Codable, Sendable, Hashable {
  case number(Double)
  /// The position of a choice or of a level.
  case choice(Int)
  /// The positions of the choices.
  case sequence([Int])

  private enum CodingKeys: String, CodingKey { case number, choice, sequence }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if let number = try container.decodeIfPresent(Double.self, forKey: .number) {
      self = .number(number)
    } else if let position = try container.decodeIfPresent(Int.self, forKey: .choice) {
      self = .choice(position)
    } else {
      self = .sequence(try container.decode([Int].self, forKey: .sequence))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .number(let number): try container.encode(number, forKey: .number)
    case .choice(let position): try container.encode(position, forKey: .choice)
    case .sequence(let positions): try container.encode(positions, forKey: .sequence)
    }
  }
}

/// A value for each setting of a space whose condition holds.
package struct SearchPoint: Codable, Sendable, Hashable {
  package var values: [String: SearchValue]

  package init(values: [String: SearchValue] = [:]) { self.values = values }

  package init(from decoder: any Decoder) throws {
    values = try decoder.singleValueContainer().decode([String: SearchValue].self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(values)
  }
}

/// A trial that ended.
package struct SearchObservation: Codable, Sendable, Hashable {
  package let point: SearchPoint
  /// Smaller is better. Absent if the trial failed, diverged or was too large.
  package let loss: Double?

  package init(point: SearchPoint, loss: Double?) { (self.point, self.loss) = (point, loss) }
}
