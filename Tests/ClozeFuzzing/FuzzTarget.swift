package import ClozeCore
import Foundation

/// A door through which bytes from outside come in, for a fuzzer or a test to knock at.
package struct FuzzTarget {
  package let name: String
  /// Inputs that have to be accepted, to start from.
  package let seeds: [[UInt8]]
  private let read: ([UInt8]) throws -> Void

  init(_ name: String, seeds: [[UInt8]], read: @escaping ([UInt8]) throws -> Void) {
    self.name = name
    self.seeds = seeds
    self.read = read
  }

  /// Makes the target of that name; nil where there is none.
  package static func make(_ name: String) throws -> FuzzTarget? {
    guard let make = makers[name] else { return nil }
    return try make(name)
  }

  package static let names = makers.keys.sorted()

  private static let makers: [String: @Sendable (String) throws -> FuzzTarget] = [
    "shard-frames": shardFrames, "shard-file": shardFile, "index": index, "provenance": provenance,
    "progress": progress,
    "safetensors": safetensors, "model-config": modelConfiguration, "checkpoint": checkpoint,
    "weights-index": weightsIndex, "tokenizer": tokenizer, "tokenizer-config": tokenizerConfiguration,
    "text": text, "text-file": textFile, "json-lines": jsonLines, "gzip": gzip,
    "zstd": zstd, "pairs": pairs, "synthetic-manifest": syntheticManifest, "labelled-texts": labelledTexts,
    "tagged-words": taggedWords, "settings": settings, "text-content": content, "text-encoding": encoded,
  ]

  /// Reads `bytes` as whoever gets them from outside does.
  /// - Returns: why they are refused; nil where they are accepted. Whatever else happens to them is a defect.
  @discardableResult
  package func consume(_ bytes: [UInt8]) -> (any Failure)? {
    do {
      try read(bytes)
      return nil
    } catch let failure as any Failure {
      // A message is made of what was read, so it is made here too.
      precondition(!"\(failure)".isEmpty, "\(name): an error without a message")
      return failure
    } catch {
      fatalError("\(name): refused with \(type(of: error)), which no tool expects: \(error)")
    }
  }

  /// One that reads its bytes from a file of this name, alone in a folder that `prepare` may have filled.
  static func file(
    _ name: String, called fileName: String, seeds: [[UInt8]], prepare: (URL) throws -> Void = { _ in },
    read: @escaping (_ file: URL, _ folder: URL) throws -> Void
  ) throws -> FuzzTarget {
    let folder = try ScratchFolder()
    try prepare(folder.url)
    let url = folder.url.appendingPathComponent(fileName)
    return FuzzTarget(name, seeds: seeds) { bytes in
      try Data(bytes).write(to: url)
      try read(url, folder.url)
    }
  }
}

/// A folder that goes when its last user does.
final class ScratchFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("cloze-fuzz-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
