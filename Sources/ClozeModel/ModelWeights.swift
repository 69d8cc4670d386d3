internal import ClozeCompute
internal import ClozeCore
internal import Foundation

/// The tensors of a model folder by the names of `ArchiveEntry`, from `model.safetensors` or from the files that
/// `model.safetensors.index.json` lists.
///
/// `TensorNaming` translates the names of other versions. If both files exist, the first counts, as in `transformers`.
struct ModelWeights {
  private struct Place {
    let file: Int
    /// The name of the tensor in the file.
    let name: String
    /// Which of equal parts of its rows it is, and of how many.
    var part = 0
    var partCount = 1

    func shape(_ shape: [Int]) -> [Int] { [shape[0] * partCount] + shape.dropFirst() }
  }

  static let fileName = "model.safetensors"
  private static let indexName = fileName + ".index.json"

  /// The file for the error about a missing tensor.
  let path: String
  private let files: [TensorFile]
  private let places: [String: Place]
  private let naming: TensorNaming

  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  init(_ folder: URL) throws {
    naming = try TensorNaming(ConfigurationFile(folder))
    let urls = try ModelWeights.files(of: folder)
    path =
      folder.appendingPathComponent(urls.index == nil ? ModelWeights.fileName : ModelWeights.indexName).path
    let files = try urls.files.map { try TensorFile($0) }
    var places: [String: Place] = [:]
    for (index, file) in files.enumerated() {
      for name in file.entries.keys.sorted() {
        let names = naming.archiveNames(name)
        for (part, archiveName) in names.enumerated() {
          let place = Place(file: index, name: name, part: part, partCount: names.count)
          if let other = places.updateValue(place, forKey: archiveName) {
            throw ArchiveError.repeatedTensor(
              path: file.path, name: name, other: other.name, otherFile: files[other.file].path)
          }
        }
      }
    }
    for (name, file) in urls.index ?? [:] {
      guard let place = places[naming.archiveNames(name)[0]], urls.files[place.file].lastPathComponent == file
      else {
        throw ArchiveError.badIndex(path: path, reason: "says that '\(name)' is in \(file), where it is not")
      }
    }
    for (name, other) in naming.alternatives where places[name] == nil { places[name] = places[other] }
    self.files = files
    self.places = places
  }

  /// The archive's names of all tensors.
  var names: some Sequence<String> { places.keys }

  var metadata: [String: String] {
    files.reduce(into: [:]) { $0.merge($1.metadata) { first, _ in first } }
  }

  func contains(_ name: String) -> Bool { places[name] != nil }

  /// The name of the tensor `name` in the file.
  func nameInFile(_ name: String) -> String { places[name]?.name ?? name }

  private func place(_ name: String) throws -> (file: TensorFile, place: Place) {
    guard let place = places[name] else {
      throw TensorFileError.missingTensor(path: path, name: naming.fileName(name))
    }
    return (files[place.file], place)
  }

  /// - Throws: `TensorFileError` if the tensor is missing or has another shape.
  func check(_ name: String, shape: [Int]) throws {
    let (file, place) = try place(name)
    try file.check(place.name, shape: place.shape(naming.shapeInFile(shape, of: name)))
  }

  /// - Throws: `TensorFileError`
  func read(_ name: String, shape: [Int], into destination: UnsafeMutableBufferPointer<Float>) throws {
    let (file, place) = try place(name)
    guard naming.leadingRows(of: name) > 0 || place.partCount > 1 || naming.roFormer(name) != nil else {
      return try file.read(place.name, shape: shape, into: destination)
    }
    try check(name, shape: shape)
    _ = try destination.update(fromContentsOf: floats(name).suffix(destination.count))
  }

  /// - Throws: `TensorFileError`
  func floats(_ name: String) throws -> [Float] {
    let (file, place) = try place(name)
    var all = try file.floats(place.name)
    if let order = naming.roFormer(name), let rows = file.entries[place.name]?.shape.first {
      all.withUnsafeMutableBufferPointer { order.separate($0, rows: rows) }
    }
    guard place.partCount > 1 else { return all }
    let count = all.count / place.partCount
    return Array(all[place.part * count..<(place.part + 1) * count])
  }

  // MARK: Files

  /// The digest of the weights: of the one file, or of the digests of several in the order of their names.
  /// - Throws: `ArchiveError`, `FileError`
  static func digest(of folder: URL) throws -> Digest {
    let digests = try files(of: folder).files.map { try Digest.ofFile($0).digest }
    guard digests.count != 1 else { return digests[0] }
    var builder = DigestBuilder()
    for digest in digests { builder.update(digest) }
    return builder.finalize()
  }

  /// - Returns: the files in the order of their names, and the index's table of tensor and file name, if there is one.
  private static func files(of folder: URL) throws -> (files: [URL], index: [String: String]?) {
    func exists(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }
    if exists(fileName) { return ([folder.appendingPathComponent(fileName)], nil) }
    if exists(indexName) {
      let table = try readIndex(folder.appendingPathComponent(indexName))
      return (Set(table.values).sorted().map { folder.appendingPathComponent($0) }, table)
    }
    if let format = ForeignWeights.allCases.first(where: { exists($0.rawValue) }) {
      throw ArchiveError.foreignWeights(
        folder: folder.path, format: format, model: try ConfigurationFile(folder).modelClass ?? "AutoModel")
    }
    throw FileError.missing(path: folder.appendingPathComponent(fileName).path)
  }

  /// The `weight_map` of an index. A file name must have no slash, so that it cannot lead to another folder.
  private static func readIndex(_ url: URL) throws -> [String: String] {
    func bad(_ reason: String) -> ArchiveError { .badIndex(path: url.path, reason: reason) }
    let json: JSONValue
    do {
      json = try JSONValue([UInt8](try Data(textFile: url)))
    } catch let error as JSONSyntaxError {
      throw bad("is not a JSON object, it \(error.reason) at byte \(error.offset)")
    }
    guard case .object(let members)? = json["weight_map"], !members.isEmpty else {
      throw bad("has no weight_map of tensor and file names")
    }
    var table: [String: String] = [:]
    for (name, value) in members {
      guard let file = value.string, file.hasSuffix(".safetensors"), !file.contains("/"), !file.contains("\0")
      else {
        throw bad("names for '\(name)' no safetensors file in the folder")
      }
      table[name] = file
    }
    return table
  }
}

/// Weights in a format that Cloze does not read, recognised by a file name, and a command that converts them to
/// safetensors.
package enum ForeignWeights: String, CaseIterable, Sendable {
  case pytorch = "pytorch_model.bin"
  case pytorchIndex = "pytorch_model.bin.index.json"
  case tensorFlow = "tf_model.h5"
  case tensorFlowIndex = "tf_model.h5.index.json"
  case flax = "flax_model.msgpack"

  /// A command that writes `model.safetensors` beside the file.
  /// - Parameter model: the class of `transformers` that the weights are of.
  func conversion(of folder: String, model: String) -> String {
    // `transformers` reads TensorFlow's and Flax's files up to version 4.
    let (packages, arguments) =
      switch self {
      case .pytorch, .pytorchIndex: ("torch transformers", "f")
      case .tensorFlow, .tensorFlowIndex: ("torch tensorflow tf-keras 'transformers<5'", "f, from_tf=True")
      case .flax: ("torch flax 'transformers<5'", "f, from_flax=True")
      }
    let quoted = "'" + folder.replacingOccurrences(of: "'", with: "'\\''") + "'"
    return "pip install \(packages) && python3 -c \"import sys, transformers as t; f = sys.argv[1]; "
      + "t.\(model).from_pretrained(\(arguments)).save_pretrained(f)\" \(quoted)"
  }
}
