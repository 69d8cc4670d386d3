import ClozeCompute
import ClozeTestSupport
import Foundation

/// A model folder whose two files a test may change before they are read.
struct ModelFolder {
  struct RawTensor {
    var type: String
    var shape: [Int]
    var bytes: Data

    init(type: String = "F32", shape: [Int], bytes: Data) {
      (self.type, self.shape, self.bytes) = (type, shape, bytes)
    }

    init(shape: [Int], floats: [Float]) {
      self.init(shape: shape, bytes: floats.withUnsafeBytes { Data($0) })
    }

    static func zeros(_ shape: [Int]) -> RawTensor {
      RawTensor(shape: shape, floats: [Float](repeating: 0, count: shape.reduce(1, *)))
    }
  }

  private let folder: TemporaryFolder

  /// - Parameter write: fills the folder.
  init(_ write: (URL) throws -> Void) throws {
    folder = try TemporaryFolder()
    try write(folder.url)
  }

  var url: URL { folder.url }
  var configurationURL: URL { folder.file("config.json") }
  var weightsURL: URL { folder.file("model.safetensors") }

  func tensors() throws -> [String: RawTensor] {
    let file = try TensorFile(weightsURL)
    return try file.entries.reduce(into: [:]) { tensors, entry in
      tensors[entry.key] = RawTensor(shape: entry.value.shape, floats: try file.floats(entry.key))
    }
  }

  /// Rewrites the weights with what `change` makes of them.
  func changeTensors(_ change: (inout [String: RawTensor]) -> Void) throws {
    var tensors = try tensors()
    change(&tensors)
    var header: [String: Any] = ["__metadata__": ["format": "pt"]]
    var body = Data()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      header[name] = [
        "dtype": tensor.type, "shape": tensor.shape,
        "data_offsets": [body.count, body.count + tensor.bytes.count],
      ]
      body.append(tensor.bytes)
    }
    let text = try JSONSerialization.data(withJSONObject: header)
    var file = Data()
    withUnsafeBytes(of: UInt64(text.count).littleEndian) { file.append(contentsOf: $0) }
    try (file + text + body).write(to: weightsURL)
  }

  /// Puts a member as it is written before the others of `config.json`.
  func addToConfiguration(_ member: String) throws {
    let text = try String(contentsOf: configurationURL, encoding: .utf8)
    try Data("{\(member),\(text.dropFirst())".utf8).write(to: configurationURL)
  }

  /// Rewrites `config.json` with what `change` makes of it.
  func changeConfiguration(_ change: (inout [String: Any]) -> Void) throws {
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: configurationURL))
    var settings = json as? [String: Any] ?? [:]
    change(&settings)
    try JSONSerialization.data(withJSONObject: settings).write(to: configurationURL)
  }
}
