internal import Foundation

extension Tape {
  /// The loss of the logits z [M, 1], in f32, against targets t [M] of 0, 1 or between; nil: no prediction.
  ///
  ///     loss = ln(1 + e^z) - t z,  d loss / dz = 1 / (1 + e^-z) - t
  ///
  /// As in `crossEntropy`, losses and gradients are sums, and the gradient of z is written at once.
  ///
  /// - Parameter gradientScale: what the gradient of the summed loss is multiplied by, and the loss itself is not.
  /// - Returns: for each row the loss in nats; 0 without a target.
  package func binaryCrossEntropy(_ logits: Tensor, targets: [Float?], gradientScale: Float = 1) -> [Float] {
    precondition(
      logits.columns == 1 && logits.type == .float32 && targets.count == logits.rows,
      "binaryCrossEntropy: logits [\(logits.rows), \(logits.columns)], \(targets.count) targets")
    let gradient = isRecording && logits.rows > 0 ? destination(of: logits) : nil
    let slopes = gradient?.bytes.assumingMemoryBound(to: Float.self)
    let losses = targets.enumerated().map { row, target -> Float in
      let z = logits.floats[row]
      // e^-|z| does not overflow.
      let tail = exp(-abs(z))
      if let slopes {
        let probability = z >= 0 ? 1 / (1 + tail) : tail / (1 + tail)
        let slope = target.map { gradientScale * (probability - $0) } ?? 0
        slopes[row] = (gradient?.accumulates ?? false) ? slopes[row] + slope : slope
      }
      return target.map { max(z, 0) - $0 * z + log1p(tail) } ?? 0
    }
    lap("binary cross-entropy")
    return losses
  }
}
