internal import Foundation

/// The lower triangular L of a symmetric positive definite matrix A = L L', with its inverse.
///
/// Matrices are flat, row by row. The matrices of a study have some hundred rows, where the evaluations of the kernel take longer
/// than the factor. Loops of Cloze's own give the same bits on any number of cores, which threaded LAPACKs do not promise.
struct TriangularFactor {
  let count: Int
  /// L [count, count]; the upper part is zero.
  private(set) var lower: [Double]
  /// The inverse of L [count, count]; the upper part is zero.
  private(set) var inverse: [Double]

  /// - Parameters:
  ///   - matrix: A [count, count], of which the lower part is read.
  /// - Returns: nil if A is not positive definite in float64.
  init?(_ matrix: [Double], count: Int) {
    precondition(matrix.count == count * count, "TriangularFactor: the matrix is not [\(count), \(count)]")
    self.count = count
    lower = matrix
    inverse = [Double](repeating: 0, count: count * count)
    let isPositive = lower.withUnsafeMutableBufferPointer { TriangularFactor.factor($0.baseAddress, count) }
    guard isPositive else { return nil }
    lower.withUnsafeBufferPointer { lower in
      inverse.withUnsafeMutableBufferPointer {
        TriangularFactor.invert(lower.baseAddress, into: $0.baseAddress, count)
      }
    }
  }

  /// The logarithm of A's determinant.
  var logDeterminant: Double {
    (0..<count).reduce(0) { $0 + 2 * log(lower[$1 * count + $1]) }
  }

  /// Replaces A by L, row by row.
  private static func factor(_ matrix: UnsafeMutablePointer<Double>?, _ count: Int) -> Bool {
    guard let matrix else { return true }
    for row in 0..<count {
      let target = matrix + row * count
      for column in 0..<row {
        let other = matrix + column * count
        target[column] = (target[column] - dot(target, other, column)) / other[column]
      }
      let pivot = target[row] - dot(target, target, row)
      guard pivot > 0, pivot.isFinite else { return false }
      target[row] = pivot.squareRoot()
      for column in row + 1..<max(count, row + 1) { target[column] = 0 }
    }
    return true
  }

  /// Row i of the inverse is (e_i - the sum of L_ik times row k, k < i) / L_ii.
  private static func invert(
    _ lower: UnsafePointer<Double>?, into inverse: UnsafeMutablePointer<Double>?, _ count: Int
  ) {
    guard let lower, let inverse else { return }
    for row in 0..<count {
      let target = inverse + row * count
      for other in 0..<row {
        add(inverse + other * count, times: -lower[row * count + other], to: target, other + 1)
      }
      let scale = 1 / lower[row * count + row]
      for column in 0..<row { target[column] *= scale }
      target[row] = scale
    }
  }

  /// The inverse of L times a vector.
  func solve(_ vector: [Double]) -> [Double] {
    inverse.withUnsafeBufferPointer { inverse in
      vector.withUnsafeBufferPointer { vector in
        guard let rows = inverse.baseAddress, let values = vector.baseAddress else { return [] }
        return (0..<count).map { dot(rows + $0 * count, values, $0 + 1) }
      }
    }
  }

  /// The inverse of L' times a vector.
  func solveTransposed(_ vector: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    inverse.withUnsafeBufferPointer { inverse in
      result.withUnsafeMutableBufferPointer { result in
        guard let rows = inverse.baseAddress, let sum = result.baseAddress else { return }
        for row in 0..<count { add(rows + row * count, times: vector[row], to: sum, row + 1) }
      }
    }
    return result
  }

  /// The lower part of A's inverse [count, count], which is the inverse of L' times that of L.
  func inverseMatrix() -> [Double] {
    var result = [Double](repeating: 0, count: count * count)
    inverse.withUnsafeBufferPointer { inverse in
      result.withUnsafeMutableBufferPointer { result in
        guard let rows = inverse.baseAddress, let sums = result.baseAddress else { return }
        for other in 0..<count {
          let source = rows + other * count
          for row in 0...other { add(source, times: source[row], to: sums + row * count, row + 1) }
        }
      }
    }
    return result
  }
}

/// The scalar product of two vectors, in four sums that do not wait for each other.
private func dot(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, _ count: Int) -> Double {
  var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
  var index = 0
  while index + 4 <= count {
    a += left[index] * right[index]
    b += left[index + 1] * right[index + 1]
    c += left[index + 2] * right[index + 2]
    d += left[index + 3] * right[index + 3]
    index += 4
  }
  while index < count {
    a += left[index] * right[index]
    index += 1
  }
  return (a + b) + (c + d)
}

/// Adds a multiple of a vector to another.
private func add(
  _ source: UnsafePointer<Double>, times factor: Double, to target: UnsafeMutablePointer<Double>, _ count: Int
) {
  var index = 0
  while index < count {
    target[index] += factor * source[index]
    index += 1
  }
}
