import ClozeCompute
import ClozeTestSupport
import Foundation
import Testing

@Suite struct TensorFileTests {
  @Test(arguments: [[1], [3], [2, 5], [4, 1, 3]])
  func whatIsWrittenIsRead(shape: [Int]) throws {
    let folder = try TemporaryFolder()
    let values = (0..<shape.reduce(1, *)).map { Float($0) - 1.5 }
    try values.withUnsafeBufferPointer { values in
      var writer = TensorFileWriter(metadata: ["format": "pt", "cloze.seed": "7"])
      writer.add("a", shape: shape, floats: values)
      writer.add("b", shape: shape, floats: values)
      try writer.write(to: folder.file("x.safetensors"))
    }
    let file = try TensorFile(folder.file("x.safetensors"))
    #expect(try file.floats("b") == values)
    #expect(file.entries["a"]?.shape == shape)
    #expect(file.metadata["cloze.seed"] == "7")
  }
}
