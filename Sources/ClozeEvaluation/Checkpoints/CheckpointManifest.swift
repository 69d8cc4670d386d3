package import ClozeCore
package import Foundation

/// A checkpoint or a run folder that cannot be used as asked.
package enum CheckpointError: Failure {
  case noCheckpoint(path: String)
  case noneWhole(path: String)
  case damaged(path: String, file: String, reason: String)
  case identityDiffers(path: String, what: String, expected: String, found: String, mend: String)
  case runExists(path: String)
  case nothingToResume(path: String)
  case settingsDiffer(path: String, differences: [String])
  case otherRun(path: String, reason: String)
  case noSettings(path: String)
  case wrongPurpose(path: String, expected: String, found: String)
  case inUse(path: String, process: Int?)
  case notFinite(path: String, step: Int, returns: Int)
  case noRoom(path: String, bytes: Int, free: Int?)

  package var exitStatus: ExitStatus {
    switch self {
    case .runExists, .nothingToResume, .settingsDiffer, .otherRun, .noSettings: .usage
    // The command is right: it works once the other process has ended or the disk has room.
    case .inUse, .noRoom: .inputOutput
    default: .data
    }
  }

  package var description: String {
    switch self {
    case .noCheckpoint(let path):
      "\(path): is a run without a whole checkpoint; let it reach one, or name another model"
    case .noneWhole(let path):
      "\(path): none of its checkpoints is whole, so the run cannot resume; move the folder away and start again"
    case .damaged(let path, let file, let reason):
      "\(path): is damaged, \(file) \(reason); use an older checkpoint of the run"
    case .identityDiffers(let path, let what, let expected, let found, let mend):
      "\(path): was made with another \(what) (there \(found.prefix(8)), here \(expected.prefix(8))); \(mend)"
    case .runExists(let path):
      "\(path): already holds a run; add --resume to continue it, or choose another --output"
    case .nothingToResume(let path):
      "\(path): holds no run to resume; check --output, leave out --resume, or write --resume-or-start"
    case .settingsDiffer(let path, let differences):
      "\(path): the run was started with other settings (\(differences.joined(separator: "; "))); "
        + "resume with its own config.yaml or start another run"
    case .otherRun(let path, let reason):
      "\(path): holds a run of another kind, or its config.yaml is damaged (\(reason)); resume with the tool and the --task "
        + "that began it, or choose another --output"
    case .noSettings(let path):
      "\(path): does not exist beside the checkpoints, so that nothing says with which settings the run was begun; "
        + "copy it to its place, or choose another --output"
    case .wrongPurpose(let path, let expected, let found):
      "\(path): is a checkpoint of \(found), not of \(expected); name another folder"
    case .inUse(let path, let process):
      "\(path): \(process.map { "process \($0)" } ?? "another process") writes into it; "
        + "let it end, or choose another --output"
    case .noRoom(let path, let bytes, let free):
      CheckpointError.shortage(path: path, bytes: bytes, free: free) + ", then --resume"
    case .notFinite(let path, let step, let returns):
      "\(path): the loss or its gradient is not finite at step \(step) and those before it, and "
        + (returns > 0
          ? "was not after \(returns) returns to one checkpoint; "
          : "there is no checkpoint yet to return to; ")
        + "lower optimizer.learningRate, lengthen optimizer.schedule.warmupSteps or use compute.precision=float32"
    }
  }

  /// The message of a disk that has no room for `bytes` bytes at `path`.
  package static func shortage(path: String, bytes: Int, free: Int?) -> String {
    let mend =
      switch free {
      case let free? where free < bytes:
        "\(Figure.bytes(free)) are free: make room for \(Figure.bytes(bytes - free)) more"
      case let free?: "\(Figure.bytes(free)) are free: raise the quota or the limit on file sizes"
      case nil: "make room"
      }
    return
      "\(path): the disk is full, the last whole checkpoint stays; \(Figure.bytes(bytes)) are needed, \(mend)"
  }
}

/// `checkpoint.json`: the cursor, the identities, and the digests of the checkpoint's files. It is written last, so a
/// folder without it is not whole.
package struct CheckpointManifest: Codable, Sendable, Equatable {
  package struct File: Codable, Sendable, Equatable {
    package let bytes: Int
    package let digest: Digest
  }

  /// The digests, by name, of what a checkpoint was made from, such as `data` and `tokenizer`.
  package typealias Identities = [String: String]

  package static let fileName = "checkpoint.json"

  package let version: String
  /// The task of the run, such as `pretrain`, or `finetune` for translation.
  package let purpose: String
  package let cursor: RunCursor
  package let identities: Identities
  /// By name; that of a file in a subfolder is `generator/config.json`.
  package let files: [String: File]
  /// The digest of the manifest without this line; nil in manifests of earlier versions.
  package private(set) var digest: Digest?

  /// Computes the digests of a folder's files and writes its manifest.
  /// - Throws: `FileError`
  package static func write(
    to folder: URL, purpose: String, cursor: RunCursor, identities: Identities
  ) throws {
    let names = try Folder.fileNames(in: folder)
    let files = try names.map { name in
      let (digest, byteCount) = try Digest.ofFile(folder.appendingPathComponent(name))
      return (name, File(bytes: byteCount, digest: digest))
    }
    try CheckpointManifest(
      version: Cloze.version, purpose: purpose, cursor: cursor, identities: identities,
      files: Dictionary(uniqueKeysWithValues: files)
    ).write(to: folder)
  }

  /// The manifest with another cursor, for a run that returns to the checkpoint and then skips batches.
  package func with(_ cursor: RunCursor) -> CheckpointManifest {
    CheckpointManifest(
      version: version, purpose: purpose, cursor: cursor, identities: identities, files: files)
  }

  /// Writes the manifest to its folder.
  /// - Throws: `FileError`
  package func write(to folder: URL) throws {
    var sealed = self
    sealed.digest = try ownDigest
    try AtomicFile.write(sealed.encoded, to: folder.appendingPathComponent(CheckpointManifest.fileName))
  }

  private var encoded: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return try encoder.encode(self)
    }
  }

  private var ownDigest: Digest {
    get throws {
      var bare = self
      bare.digest = nil
      return Digest(of: try bare.encoded)
    }
  }

  /// Reads a folder's manifest and checks every file against it.
  /// - Throws: `CheckpointError.damaged`, which names the first file that is missing or differs; `FileError` for one that is there
  ///   and cannot be read, since it may be whole.
  package static func verified(_ folder: URL) throws -> CheckpointManifest {
    func damaged(_ file: String, _ reason: String) -> CheckpointError {
      .damaged(path: folder.path, file: file, reason: reason)
    }
    func read<Value>(_ file: String, _ body: (URL) throws -> Value) throws -> Value {
      do {
        return try body(folder.appendingPathComponent(file))
      } catch let error as FileError where error.exitStatus == .data {
        throw damaged(file, "is missing")
      }
    }
    let data = try read(fileName) { try Data(file: $0) }
    guard let manifest = try? JSONValue.decode(CheckpointManifest.self, from: data) else {
      throw damaged(fileName, "cannot be read")
    }
    // Without this check a changed number would be read, and the run would resume from a state that it never had.
    guard try manifest.digest == nil || manifest.digest == manifest.ownDigest else {
      throw damaged(fileName, "differs from its digest")
    }
    guard manifest.cursor.isPlausible else { throw damaged(fileName, "has numbers that no run has") }
    for (name, file) in manifest.files.sorted(by: { $0.key < $1.key }) {
      // A name must not lead out of the folder.
      let isInside = name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
        !["", ".", ".."].contains($0)
      }
      guard isInside else { throw damaged(name, "is missing") }
      let found = try read(name) { try Digest.ofFile($0) }
      guard found.byteCount == file.bytes else {
        throw damaged(name, "has \(found.byteCount) bytes instead of \(file.bytes)")
      }
      guard found.digest == file.digest else { throw damaged(name, "differs from its digest") }
    }
    return manifest
  }
}
