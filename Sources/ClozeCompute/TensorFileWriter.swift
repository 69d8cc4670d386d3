internal import ClozeCore
package import Foundation

/// Writes safetensors files.
package struct TensorFileWriter {
  private struct Item {
    let name: String
    let type: String
    let shape: [Int]
    let bytes: UnsafeRawBufferPointer
  }

  private var items: [Item] = []
  private let metadata: [String: String]

  package init(metadata: [String: String] = ["format": "pt"]) {
    self.metadata = metadata
  }

  /// Adds a tensor. Its memory must not change until `write`.
  package mutating func add(_ name: String, shape: [Int], floats: UnsafeBufferPointer<Float>) {
    precondition(
      floats.count == shape.reduce(1, *), "TensorFileWriter: \(name) \(shape) has \(floats.count) values")
    items.append(Item(name: name, type: "F32", shape: shape, bytes: UnsafeRawBufferPointer(floats)))
  }

  /// Adds a tensor of 32-bit integers, under the same condition.
  package mutating func add(_ name: String, shape: [Int], integers: UnsafeBufferPointer<Int32>) {
    precondition(integers.count == shape.reduce(1, *), "TensorFileWriter: \(name) \(shape)")
    items.append(Item(name: name, type: "I32", shape: shape, bytes: UnsafeRawBufferPointer(integers)))
  }

  /// Writes the file atomically: whole, or not at all.
  /// - Throws: `FileError`
  package func write(to url: URL) throws {
    var header: [String: Any] = ["__metadata__": metadata]
    var offset = 0
    for item in items {
      header[item.name] = [
        "dtype": item.type, "shape": item.shape, "data_offsets": [offset, offset + item.bytes.count],
      ]
      offset += item.bytes.count
    }
    var text = try JSONSerialization.data(
      withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
    // The format asks writers to align the tensors to eight bytes.
    text.append(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    var file = try AtomicFile(url)
    var length = UInt64(text.count).littleEndian
    try withUnsafeBytes(of: &length) { try file.write($0) }
    try file.write(text)
    for item in items { try file.write(item.bytes) }
    try file.commit()
  }
}
