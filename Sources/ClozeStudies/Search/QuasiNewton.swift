/// Minimizes a smooth function of a few variables: BFGS with a search along each direction that halves the step until the value
/// falls enough.
///
/// Source: Nocedal and Wright 2006, "Numerical optimization", algorithms 3.1 and 6.1.
enum QuasiNewton {
  typealias Evaluation = (value: Double, gradient: [Double])

  /// - Parameters:
  ///   - steps: the most steps.
  ///   - longest: the most that a variable changes in a step.
  ///   - function: nil where it has no value.
  /// - Returns: the best variables found, with their value; nil if the start has none.
  static func minimize(
    from start: [Double], steps: Int, longest: Double, _ function: ([Double]) -> Evaluation?
  ) -> (variables: [Double], value: Double)? {
    guard var current = function(start) else { return nil }
    var variables = start
    let count = start.count
    var inverse = identity(count)
    for step in 0..<steps {
      var direction = product(inverse, current.gradient).map { -$0 }
      if dot(direction, current.gradient) >= 0 {
        inverse = identity(count)
        direction = current.gradient.map { -$0 }
      }
      let greatest = direction.map(abs).max() ?? 0
      guard greatest > 1e-10 else { break }
      if greatest > longest { direction = direction.map { $0 * longest / greatest } }
      guard let (moved, next) = search(variables, current, direction, function) else { break }
      let change = zip(moved, variables).map { $0 - $1 }
      let turn = zip(next.gradient, current.gradient).map { $0 - $1 }
      let curvature = dot(change, turn)
      if curvature > 1e-12 {
        if step == 0 { inverse = identity(count).map { $0 * curvature / dot(turn, turn) } }
        update(&inverse, change, turn, curvature)
      }
      let gain = current.value - next.value
      (variables, current) = (moved, next)
      if gain < 1e-7 * (1 + abs(current.value)) { break }
    }
    return (variables, current.value)
  }

  /// The first of the halved steps with a value below the start's by a ten-thousandth of what its slope promises.
  private static func search(
    _ variables: [Double], _ current: Evaluation, _ direction: [Double], _ function: ([Double]) -> Evaluation?
  ) -> ([Double], Evaluation)? {
    let slope = dot(direction, current.gradient)
    var length = 1.0
    for _ in 0..<20 {
      let moved = zip(variables, direction).map { $0 + length * $1 }
      if let next = function(moved), next.value <= current.value + 1e-4 * length * slope {
        return (moved, next)
      }
      length /= 2
    }
    return nil
  }

  /// H <- (I - s y' / y's) H (I - y s' / y's) + s s' / y's.
  private static func update(_ inverse: inout [Double], _ s: [Double], _ y: [Double], _ curvature: Double) {
    let count = s.count
    let turned = product(inverse, y)
    let factor = (1 + dot(y, turned) / curvature) / curvature
    for row in 0..<count {
      for column in 0..<count {
        inverse[row * count + column] +=
          factor * s[row] * s[column] - (turned[row] * s[column] + s[row] * turned[column]) / curvature
      }
    }
  }

  private static func identity(_ count: Int) -> [Double] {
    (0..<count * count).map { $0 % (count + 1) == 0 ? 1 : 0 }
  }

  private static func product(_ matrix: [Double], _ vector: [Double]) -> [Double] {
    let count = vector.count
    return (0..<count).map { row in (0..<count).reduce(0) { $0 + matrix[row * count + $1] * vector[$1] } }
  }

  private static func dot(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
