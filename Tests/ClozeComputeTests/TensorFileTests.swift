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

  /// Each type of number as `torch` makes float32 of it. Beside `T` lies `T.as_f32`; `every_half` samples binary16.
  @Test(arguments: ["F64", "F32", "BF16", "F16", "every_half"])
  func everyTypeOfNumberIsReadAsTorchReadsIt(name: String) throws {
    let file = try TensorFile(Fixtures.url("element-types.safetensors"))
    #expect(
      try file.floats(name).map(\.bitPattern) == file.floats(name + ".as_f32").map(\.bitPattern))
  }

  /// A file may hold a tensor of a type that is not read, as long as nobody asks for it.
  @Test func anotherTypeIsRefusedByName() throws {
    let file = try TensorFile(Fixtures.url("element-types.safetensors"))
    #expect(
      failureMessage { _ = try file.floats("F8") }.contains("tensor 'F8' is F8_E4M3, which Cloze does not"))
  }
}
