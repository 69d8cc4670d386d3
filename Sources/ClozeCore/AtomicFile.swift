package import Foundation

/// Reading or writing a file failed.
package enum FileError: Failure {
  case cannotRead(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case diskFull(path: String)
  case isDirectory(path: String)
  case notAFile(path: String)
  case notADirectory(path: String)
  case missing(path: String)

  package var exitStatus: ExitStatus {
    switch self {
    case .cannotRead, .cannotWrite, .diskFull: .inputOutput
    case .isDirectory, .notAFile, .notADirectory, .missing: .data
    }
  }

  package var description: String {
    switch self {
    case .cannotRead(let path, let reason):
      "\(path): cannot be read (\(reason)); check the path and its rights"
    case .cannotWrite(let path, let reason):
      "\(path): cannot be written (\(reason)); check the folder and its rights"
    case .diskFull(let path): "\(path): the disk is full; nothing was replaced, free some space and run again"
    case .isDirectory(let path): "\(path): is a directory; name a file"
    case .notAFile(let path): "\(path): is a pipe or a device; put a file there"
    case .notADirectory(let path): "\(path): is not a directory; name a folder"
    case .missing(let path): "\(path): does not exist; check the path"
    }
  }

  /// The error that `errno` stands for, after a failed write to `path`.
  package static func writing(_ path: String, errno code: Int32 = errno) -> FileError {
    switch code {
    case ENOSPC, EDQUOT, EFBIG: .diskFull(path: path)
    case EISDIR: .isDirectory(path: path)
    case ELOOP: .cannotWrite(path: path, reason: "a symbolic link is in its place")
    // As a pipe that nobody reads answers.
    case ENXIO: .notAFile(path: path)
    default: .cannotWrite(path: path, reason: String(cString: strerror(code)))
    }
  }

  /// The error that `errno` stands for, after a failed read of `path`.
  package static func reading(_ path: String, errno code: Int32 = errno) -> FileError {
    switch code {
    case ENOENT: .missing(path: path)
    case EISDIR: .isDirectory(path: path)
    case ENOTDIR: .notADirectory(path: URL(fileURLWithPath: path).deletingLastPathComponent().path)
    default: .cannotRead(path: path, reason: String(cString: strerror(code)))
    }
  }
}

/// A file that comes into being whole or not at all: bytes go to a temporary name beside it, and `commit`
/// syncs them, renames the file into place and syncs the folder. Dropped without `commit`, it leaves nothing.
package struct AtomicFile: ~Copyable {
  private let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var isCommitted = false

  package init(_ url: URL) throws {
    path = url.path
    temporaryPath = path + ".partial"
    descriptor = try RegularFile.create(temporaryPath)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporaryPath) }
  }

  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard var cursor = bytes.baseAddress else { return }
    var remaining = bytes.count
    while remaining > 0 {
      let written = Foundation.write(descriptor, cursor, remaining)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError.writing(path)
      }
      cursor += written
      remaining -= written
    }
  }

  package mutating func write(_ data: Data) throws {
    try data.withUnsafeBytes { try write($0) }
  }

  package consuming func commit() throws {
    guard fsync(descriptor) == 0 else { throw FileError.writing(path) }
    let status = close(descriptor)
    descriptor = -1
    guard status == 0, rename(temporaryPath, path) == 0 else { throw FileError.writing(path) }
    isCommitted = true
    try Folder.synchronize(URL(fileURLWithPath: path).deletingLastPathComponent())
  }

  /// Writes `data` to `url` in one go.
  package static func write(_ data: Data, to url: URL) throws {
    var file = try AtomicFile(url)
    try file.write(data)
    try file.commit()
  }
}

/// What the tools do with folders.
package enum Folder {
  /// Whether `url` is a folder itself, and no link to one that may be anybody's.
  package static func isReal(_ url: URL) -> Bool {
    var status = stat()
    return lstat(url.path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  package static func create(_ url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      var isDirectory: ObjCBool = false
      if FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), !isDirectory.boolValue {
        throw FileError.notADirectory(path: url.path)
      }
      throw FileError.cannotWrite(path: url.path, reason: "the folder cannot be made")
    }
  }

  /// Makes the names in a folder durable.
  package static func synchronize(_ url: URL) throws {
    let descriptor = open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(url.path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError.writing(url.path) }
  }

  /// Fills a folder under a temporary name with `fill`, then puts it in place of `url` in one rename.
  package static func createAtomically(_ url: URL, fill: (URL) throws -> Void) throws {
    let temporary = url.appendingPathExtension("partial")
    try? FileManager.default.removeItem(at: temporary)
    try create(temporary)
    do {
      try fill(temporary)
      try synchronize(temporary)
      if FileManager.default.fileExists(atPath: url.path) {
        let old = url.appendingPathExtension("replaced")
        try? FileManager.default.removeItem(at: old)
        guard rename(url.path, old.path) == 0 else { throw FileError.writing(old.path) }
        guard rename(temporary.path, url.path) == 0 else { throw FileError.writing(url.path) }
        try? FileManager.default.removeItem(at: old)
      } else {
        guard rename(temporary.path, url.path) == 0 else { throw FileError.writing(url.path) }
      }
      try synchronize(url.deletingLastPathComponent())
    } catch {
      try? FileManager.default.removeItem(at: temporary)
      throw error
    }
  }
}

extension Data {
  /// The bytes of a file, mapped where the system allows it.
  /// - Throws: `FileError` that says whether the file is missing, a directory, a pipe or unreadable.
  package init(file url: URL) throws {
    close(try RegularFile.read(url.path).descriptor)
    do {
      self = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch {
      throw FileError.cannotRead(path: url.path, reason: "\(error.localizedDescription)")
    }
  }
}
