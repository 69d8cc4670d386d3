package import Foundation

/// An open file, which is closed when the value is released. A system call that a signal interrupts (EINTR) is
/// repeated.
///
/// The folder of the file may come from somebody else: downloaded, unpacked, shared. So opening for writing never
/// follows a symbolic link, which could lead to any file of the user, and where a regular file is expected, a pipe is
/// refused, since opening or reading it could block.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The name of the file in errors.
  package let path: String
  private let number: Int32

  /// Creates an empty file for reading and writing. It replaces anything of this name, also a link.
  /// - Parameter name: as errors name it; nil for its path.
  /// - Throws: `FileError`
  package init(creating path: String, name: String? = nil) throws {
    unlink(path)
    number = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, S_IFREG) {
      .writing(path, errno: $0)
    }
    self.path = name ?? path
  }

  /// Opens a regular file for reading. A link is followed, since its target is only read.
  /// - Throws: `FileError`
  package init(reading path: String) throws {
    number = try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK, S_IFREG) { .reading(path, errno: $0) }
    self.path = path
  }

  /// Opens an existing regular file for writing.
  /// - Parameter flags: those of `open(2)` beside `O_NOFOLLOW`.
  /// - Throws: `FileError`
  package init(updating path: String, flags: Int32 = O_RDWR) throws {
    number = try FileDescriptor.open(path, flags | O_NOFOLLOW | O_NONBLOCK, S_IFREG) {
      .writing(path, errno: $0)
    }
    self.path = path
  }

  /// Opens a folder, to lock it or to sync the names in it.
  /// - Throws: `FileError`
  package init(folder path: String) throws {
    number = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY, S_IFDIR) {
      $0 == ENOTDIR ? .notADirectory(path: path) : .reading(path, errno: $0)
    }
    self.path = path
  }

  /// Opens a file or a pipe to read it once; blocks until a pipe has a writer.
  /// - Parameter name: as errors name it.
  /// - Throws: `FileError`
  package init(stream path: String, name: String) throws {
    number = try FileDescriptor.open(path, O_RDONLY, nil) { .reading(name, errno: $0) }
    self.path = name
  }

  /// A duplicate of the descriptor of standard input.
  /// - Throws: `FileError`
  package init(standardInput name: String) throws {
    number = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
    guard number >= 0 else { throw FileError.reading(name) }
    path = name
  }

  deinit { close(number) }

  private static func open(_ path: String, _ flags: Int32, _ kind: mode_t?, failure: (Int32) -> FileError)
    throws -> Int32
  {
    let number = repeated { Foundation.open(path, flags | O_CLOEXEC, 0o666) }
    guard number >= 0 else { throw failure(errno) }
    var status = stat()
    let code = fstat(number, &status) == 0 ? 0 : errno
    guard let kind, code != 0 || status.st_mode & S_IFMT != kind else { return number }
    close(number)
    guard code == 0 else { throw failure(code) }
    throw status.st_mode & S_IFMT == S_IFDIR ? FileError.isDirectory(path: path) : .notAFile(path: path)
  }

  /// Repeats a system call until no signal interrupts it.
  private static func repeated<Status: SignedInteger>(_ call: () -> Status) -> Status {
    while true {
      let status = call()
      if status >= 0 || errno != EINTR { return status }
    }
  }

  /// Bytes.
  /// - Throws: `FileError`
  package func size() throws -> Int {
    var status = stat()
    guard fstat(number, &status) == 0 else { throw FileError.reading(path) }
    return Int(status.st_size)
  }

  /// Whether `path` still names this file.
  package var hasItsName: Bool {
    var (opened, named) = (stat(), stat())
    return fstat(number, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev
  }

  /// Reads the next bytes.
  /// - Returns: how many; 0 at the end.
  /// - Throws: `FileError`
  package func read(into bytes: UnsafeMutableRawBufferPointer) throws -> Int {
    var count = FileDescriptor.repeated { Foundation.read(number, bytes.baseAddress, bytes.count) }
    // Standard input that another program has made non-blocking.
    while count < 0, errno == EAGAIN {
      var descriptor = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
      poll(&descriptor, 1, -1)
      count = FileDescriptor.repeated { Foundation.read(number, bytes.baseAddress, bytes.count) }
    }
    guard count >= 0 else { throw FileError.reading(path) }
    return count
  }

  /// Fills `bytes` from `offset` on.
  /// - Returns: the number of bytes read; fewer than requested only at the end of the file.
  /// - Throws: `FileError`
  package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var filled = 0
    while filled < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[filled...])
      let count = FileDescriptor.repeated {
        pread(number, rest.baseAddress, rest.count, off_t(offset + filled))
      }
      guard count >= 0 else { throw FileError.reading(path) }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Passes the bytes of a range to `body`, at most one MiB at a time. Mapped, they would count as memory of the
  /// process.
  /// - Throws: `FileError`, also if the file ends inside the range; the errors of `body`.
  package func visit(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: min(range.count, 1 << 20), alignment: 64)
    defer { chunk.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let wanted = UnsafeMutableRawBufferPointer(rebasing: chunk.prefix(range.upperBound - offset))
      guard try read(into: wanted, at: offset) == wanted.count else {
        throw FileError.cannotRead(path: path, reason: "it has become shorter")
      }
      try body(UnsafeRawBufferPointer(wanted))
      offset += wanted.count
    }
  }

  /// The digest of all bytes.
  /// - Throws: `FileError`
  package func digest() throws -> Digest {
    var builder = DigestBuilder()
    try visit(0..<size()) { builder.update($0) }
    return builder.finalize()
  }

  /// Writes all of `bytes`.
  /// - Throws: `FileError`
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      let count = FileDescriptor.repeated { Foundation.write(number, piece.baseAddress, piece.count) }
      guard count >= 0 else { throw FileError.writing(path) }
      rest = rest.dropFirst(count)
    }
  }

  /// Syncs the file.
  /// - Throws: `FileError`
  package func synchronize() throws {
    guard FileDescriptor.repeated({ fsync(number) }) == 0 else { throw FileError.writing(path) }
  }

  /// - Throws: `FileError`
  package func truncate(to size: Int) throws {
    guard FileDescriptor.repeated({ ftruncate(number, off_t(size)) }) == 0 else {
      throw FileError.writing(path)
    }
  }

  /// Seeks to a byte of the file; nil means its end.
  /// - Returns: the new offset.
  /// - Throws: `FileError`
  @discardableResult
  package func seek(to offset: Int? = nil) throws -> Int {
    let place = lseek(number, off_t(offset ?? 0), offset == nil ? SEEK_END : SEEK_SET)
    guard place >= 0 else { throw FileError.reading(path) }
    return Int(place)
  }

  /// Locks the file (`flock(2)`). The system releases the lock when the file is closed or the process ends. On a file
  /// system without locks nothing is locked.
  /// - Returns: false if another process has the lock.
  /// - Throws: `FileError`
  package func lock() throws -> Bool {
    if FileDescriptor.repeated({ flock(number, LOCK_EX | LOCK_NB) }) == 0 { return true }
    switch errno {
    case EWOULDBLOCK: return false
    case ENOLCK, ENOSYS, EOPNOTSUPP: return true
    default: throw FileError.writing(path)
    }
  }

  /// All bytes. A large file is mapped, so only the tensors of a checkpoint that are used take memory.
  /// - Throws: `FileError`
  fileprivate func contents() throws -> Data {
    let size = try size()
    guard size > 1 << 24 else {
      var data = Data(count: size)
      let count = try data.withUnsafeMutableBytes { try read(into: $0, at: 0) }
      return data.prefix(count)
    }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, number, 0), start != MAP_FAILED else {
      throw FileError.reading(path)
    }
    return Data(bytesNoCopy: start, count: size, deallocator: .unmap)
  }
}

extension Data {
  /// The bytes of a regular file.
  /// - Throws: `FileError`
  package init(file url: URL) throws {
    self = try FileDescriptor(reading: url.path).contents()
  }
}

extension Digest {
  /// The digest of a file and its length in bytes.
  /// - Throws: `FileError`
  package static func ofFile(_ url: URL) throws -> (digest: Digest, byteCount: Int) {
    let file = try FileDescriptor(reading: url.path)
    return (try file.digest(), try file.size())
  }
}
