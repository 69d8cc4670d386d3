internal import Foundation

/// Reading or writing a file failed.
package enum FileError: Failure {
  case cannotRead(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case diskFull(path: String)
  case isDirectory(path: String)
  case notAFile(path: String)
  case notADirectory(path: String)
  case missing(path: String)
  case exists(path: String)

  package var exitStatus: ExitStatus {
    switch self {
    case .cannotRead, .cannotWrite, .diskFull: .inputOutput
    case .isDirectory, .notAFile, .notADirectory, .missing: .data
    case .exists: .usage
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
    case .exists(let path): "\(path): is there already; choose another file, or remove it first"
    }
  }

  /// Refuses to write a file in place of one that is there, perhaps the command's own input.
  /// - Throws: `FileError.exists`
  package static func refuseExisting(_ path: String) throws {
    if FileManager.default.fileExists(atPath: path) { throw FileError.exists(path: path) }
  }

  /// The error for `errno` after a failed write to `path`.
  package static func writing(_ path: String, errno code: Int32 = errno) -> FileError {
    switch code {
    case ENOSPC, EDQUOT, EFBIG: .diskFull(path: path)
    case EISDIR: .isDirectory(path: path)
    case ELOOP: .cannotWrite(path: path, reason: "a symbolic link is in its place")
    // A pipe without a reader.
    case ENXIO: .notAFile(path: path)
    default: .cannotWrite(path: path, reason: String(cString: strerror(code)))
    }
  }

  /// The error for `errno` after a failed read of `path`.
  package static func reading(_ path: String, errno code: Int32 = errno) -> FileError {
    switch code {
    case ENOENT: .missing(path: path)
    case EISDIR: .isDirectory(path: path)
    case ENOTDIR: .notADirectory(path: URL(fileURLWithPath: path).deletingLastPathComponent().path)
    default: .cannotRead(path: path, reason: String(cString: strerror(code)))
    }
  }
}
