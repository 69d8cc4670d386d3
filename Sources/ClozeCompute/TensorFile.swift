package import ClozeCore
package import Foundation

/// An invalid safetensors file, or one that does not fit the model.
package enum TensorFileError: Failure {
  case truncated(path: String, needed: Int, found: Int)
  case badHeader(path: String, reason: String)
  case badTensor(path: String, name: String, reason: String)
  case missingTensor(path: String, name: String)
  case wrongShape(path: String, name: String, expected: [Int], found: [Int])
  case wrongType(path: String, name: String, found: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .truncated(let path, let needed, let found):
      "\(path): is cut off, \(found) bytes of \(needed) are there; use another checkpoint or copy it again"
    case .badHeader(let path, let reason):
      "\(path): is not a safetensors file (\(reason)); check what wrote it"
    case .badTensor(let path, let name, let reason):
      "\(path): tensor '\(name)' \(reason); check what wrote the file"
    case .missingTensor(let path, let name):
      "\(path): has no tensor '\(name)'; the file belongs to another kind of model"
    case .wrongShape(let path, let name, let expected, let found):
      "\(path): tensor '\(name)' has shape \(found), the model needs \(expected); the file and the settings differ"
    case .wrongType(let path, let name, let found):
      "\(path): tensor '\(name)' is \(found), which Cloze does not read here; save the weights anew as F32, BF16 or F16"
    }
  }
}

/// A safetensors file, whose header is checked before any tensor is read.
///
/// The format: eight bytes with the length N of the header, little-endian. N bytes of a JSON object with `dtype`,
/// `shape` and `data_offsets` [begin, end) of each tensor, counted from the end of the header, and a map of strings
/// under `__metadata__`. Then the bytes of the tensors, which cover the rest of the file without gaps or overlaps.
package struct TensorFile: Sendable {
  package struct Entry: Sendable, Equatable {
    package let type: String
    package let shape: [Int]
    let bytes: Range<Int>
  }

  package let path: String
  package let entries: [String: Entry]
  package let metadata: [String: String]
  private let data: Data
  private let dataStart: Int

  /// Longer headers are refused, as by the reference implementation.
  private static let longestHeader = 100_000_000
  private static let elementSizes = [
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "C64": 8, "I64": 8,
    "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1,
  ]

  /// - Throws: `TensorFileError`, `FileError`
  package init(_ url: URL) throws {
    path = url.path
    data = try Data(file: url)
    guard data.count >= 8 else { throw TensorFileError.truncated(path: path, needed: 8, found: data.count) }
    let length = data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self).littleEndian }
    guard length <= TensorFile.longestHeader else {
      throw TensorFileError.badHeader(path: path, reason: "its header claims \(length) bytes")
    }
    dataStart = 8 + Int(length)
    guard data.count >= dataStart else {
      throw TensorFileError.truncated(path: path, needed: dataStart, found: data.count)
    }
    do {
      (entries, metadata) = try data.withUnsafeBytes { [path, dataStart] bytes in
        try JSONReader.read(UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart])) {
          try TensorFile.header(&$0, path: path)
        }
      }
    } catch let error as JSONSyntaxError {
      throw TensorFileError.badHeader(
        path: path, reason: "its header \(error.reason) at byte \(8 + error.offset)")
    }
    try checkCoverage()
  }

  private static func header(_ reader: inout JSONReader, path: String) throws
    -> (entries: [String: Entry], metadata: [String: String])
  {
    var entries: [String: Entry] = [:]
    var metadata: [String: String]?
    try reader.object { reader, name in
      let isNew: Bool
      if name == "__metadata__" {
        isNew = metadata == nil
        do {
          metadata = try texts(&reader)
        } catch let error as JSONSyntaxError {
          throw TensorFileError.badHeader(
            path: path, reason: "its __metadata__ \(error.reason) at byte \(8 + error.offset)")
        }
      } else {
        isNew = entries.updateValue(try entry(&reader, name: name, path: path), forKey: name) == nil
      }
      guard isNew else { throw reader.failure("has the key '\(name)' twice, the second") }
    }
    return (entries, metadata ?? [:])
  }

  private static func texts(_ reader: inout JSONReader) throws -> [String: String] {
    var texts: [String: String] = [:]
    try reader.object { reader, key in
      guard texts.updateValue(try reader.string(), forKey: key) == nil else {
        throw reader.failure("has the key '\(key)' twice, the second")
      }
    }
    return texts
  }

  private static func entry(_ reader: inout JSONReader, name: String, path: String) throws -> Entry {
    var keys: Set<String> = []
    var (type, shape, offsets) = (String?.none, [Int]?.none, [Int]?.none)
    do {
      try reader.object { reader, key in
        guard keys.insert(key).inserted else {
          throw reader.failure("has the key '\(key)' twice, the second")
        }
        switch key {
        case "dtype": type = try reader.string()
        case "shape": shape = try reader.integers()
        case "data_offsets": offsets = try reader.integers()
        default: try reader.skip()
        }
      }
    } catch let error as JSONSyntaxError {
      throw TensorFileError.badTensor(
        path: path, name: name, reason: "has a description that \(error.reason) at byte \(8 + error.offset)")
    }
    guard let type, let shape, let offsets, offsets.count == 2 else {
      throw TensorFileError.badTensor(path: path, name: name, reason: "lacks dtype, shape or data_offsets")
    }
    guard let size = elementSizes[type] else {
      throw TensorFileError.wrongType(path: path, name: name, found: type)
    }
    var bytes = size
    for length in shape {
      let (product, overflows) = bytes.multipliedReportingOverflow(by: length)
      guard length >= 0, !overflows else {
        throw TensorFileError.badTensor(path: path, name: name, reason: "has the impossible shape \(shape)")
      }
      bytes = product
    }
    guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] - offsets[0] == bytes else {
      throw TensorFileError.badTensor(
        path: path, name: name, reason: "of shape \(shape) and type \(type) claims the bytes \(offsets)")
    }
    return Entry(type: type, shape: shape, bytes: offsets[0]..<offsets[1])
  }

  private func checkCoverage() throws {
    var end = 0
    // An empty tensor may begin at the same byte as the next one.
    let inOrder = entries.sorted {
      ($0.value.bytes.lowerBound, $0.value.bytes.upperBound, $0.key)
        < ($1.value.bytes.lowerBound, $1.value.bytes.upperBound, $1.key)
    }
    for (name, entry) in inOrder {
      guard entry.bytes.lowerBound == end else {
        throw TensorFileError.badTensor(
          path: path, name: name, reason: "begins at byte \(entry.bytes.lowerBound) where \(end) is expected")
      }
      end = entry.bytes.upperBound
    }
    guard data.count >= dataStart + end else {
      throw TensorFileError.truncated(path: path, needed: dataStart + end, found: data.count)
    }
    guard data.count == dataStart + end else {
      throw TensorFileError.badHeader(
        path: path, reason: "\(data.count - dataStart - end) bytes follow the last tensor")
    }
  }

  /// Checks that a tensor exists with this shape, without reading its values.
  /// - Throws: `TensorFileError` if it is missing or has another shape.
  package func check(_ name: String, shape: [Int]) throws {
    _ = try entry(name, shape: shape)
  }

  private func entry(_ name: String, shape: [Int]?) throws -> Entry {
    guard let entry = entries[name] else { throw TensorFileError.missingTensor(path: path, name: name) }
    if let shape, entry.shape != shape {
      throw TensorFileError.wrongShape(path: path, name: name, expected: shape, found: entry.shape)
    }
    return entry
  }

  /// Copies a tensor of type F64, F32, BF16 or F16 into `destination` as f32; F64 is rounded to the nearest f32.
  package func read(_ name: String, shape: [Int], into destination: UnsafeMutableBufferPointer<Float>) throws
  {
    let entry = try entry(name, shape: shape)
    precondition(
      destination.count == shape.reduce(1, *), "TensorFile: \(name) \(shape) into \(destination.count) values"
    )
    try data.withUnsafeBytes { bytes in
      let values = UnsafeRawBufferPointer(rebasing: bytes[(dataStart + entry.bytes.lowerBound)...])
      func word<Word: FixedWidthInteger>(_ index: Int, _ type: Word.Type) -> Word {
        Word(littleEndian: values.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: type))
      }
      switch entry.type {
      case "F64":
        for i in destination.indices { destination[i] = Float(Double(bitPattern: word(i, UInt64.self))) }
      case "F32": for i in destination.indices { destination[i] = Float(bitPattern: word(i, UInt32.self)) }
      case "BF16":
        for i in destination.indices {
          destination[i] = Float(bitPattern: UInt32(word(i, UInt16.self)) << 16)
        }
      case "F16": for i in destination.indices { destination[i] = Float(halfBits: word(i, UInt16.self)) }
      default: throw TensorFileError.wrongType(path: path, name: name, found: entry.type)
      }
    }
  }

  /// A tensor of type F64, F32, BF16 or F16.
  package func floats(_ name: String) throws -> [Float] {
    let entry = try entry(name, shape: nil)
    var values = [Float](repeating: 0, count: entry.shape.reduce(1, *))
    try values.withUnsafeMutableBufferPointer { try read(name, shape: entry.shape, into: $0) }
    return values
  }

  /// A tensor of type I64 or I32.
  package func integers(_ name: String) throws -> [Int] {
    let entry = try entry(name, shape: nil)
    let start = dataStart + entry.bytes.lowerBound
    return try data.withUnsafeBytes { bytes in
      try (0..<entry.shape.reduce(1, *)).map { i in
        switch entry.type {
        case "I64": Int(bytes.loadUnaligned(fromByteOffset: start + 8 * i, as: Int64.self))
        case "I32": Int(bytes.loadUnaligned(fromByteOffset: start + 4 * i, as: Int32.self))
        default: throw TensorFileError.wrongType(path: path, name: name, found: entry.type)
        }
      }
    }
  }
}

extension Float {
  /// The number whose IEEE 754 binary16 encoding is `bits`; Swift has `Float16` on some processors only.
  fileprivate init(halfBits bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0: self = Float(sign: sign == 0 ? .plus : .minus, exponent: -24, significand: Float(fraction))
    case 0x1F: self.init(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    // binary16's exponent is biased by 15, binary32's by 127.
    default: self.init(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}

extension JSONReader {
  fileprivate mutating func integers() throws -> [Int] {
    var numbers: [Int] = []
    try array { numbers.append(try $0.integer()) }
    return numbers
  }
}
