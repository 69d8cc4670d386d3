internal import Foundation

/// Opens files whose folder may be somebody else's: downloaded, unpacked, shared. A link there could lead a write to any
/// file of the user's, and a pipe would let a read wait for ever.
package enum RegularFile {
  /// Makes an empty file in place of whatever has its name, a link included, and opens it for reading and writing.
  /// - Returns: its descriptor.
  /// - Throws: `FileError`
  package static func create(_ path: String) throws -> Int32 {
    unlink(path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.writing(path) }
    return descriptor
  }

  /// Opens a file to read it. A link is followed: what it leads to is only read.
  /// - Returns: its descriptor, and its size in bytes.
  /// - Throws: `FileError`
  package static func read(_ path: String) throws -> (descriptor: Int32, size: Int) {
    // Without waiting for a pipe's other end, which means nothing to a file.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
    return (descriptor, try checked(descriptor, path))
  }

  /// Opens a file to go on with it, and follows no link.
  /// - Parameter flags: beside those that every file here is opened with.
  /// - Returns: its descriptor, and its size in bytes.
  /// - Throws: `FileError`
  package static func goOn(_ path: String, flags: Int32) throws -> (descriptor: Int32, size: Int) {
    let descriptor = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.writing(path) }
    return (descriptor, try checked(descriptor, path))
  }

  /// The size of an open file; closes what is none.
  private static func checked(_ descriptor: Int32, _ path: String) throws -> Int {
    var status = stat()
    let failure: FileError
    if fstat(descriptor, &status) != 0 {
      failure = .reading(path)
    } else if status.st_mode & S_IFMT == S_IFREG {
      return Int(status.st_size)
    } else {
      failure = status.st_mode & S_IFMT == S_IFDIR ? .isDirectory(path: path) : .notAFile(path: path)
    }
    close(descriptor)
    throw failure
  }
}
