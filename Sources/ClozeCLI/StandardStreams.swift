internal import Foundation

/// The descriptors of standard input, output and error.
enum StandardStreams {
  /// Takes the numbers of closed streams, or the next file that is opened would get one, and what is meant for the stream would be
  /// written into it. Reading and writing still fail, as on a closed stream.
  static func reserve() {
    for (number, flags) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
    where fcntl(number, F_GETFD) < 0 {
      // `open` returns the lowest number that is free: this one, since those below it are taken by now.
      _ = open("/dev/null", flags)
    }
  }

  /// Waits until a stream that another program has made non-blocking takes bytes again.
  static func waitToWrite(_ number: Int32) {
    var descriptor = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    poll(&descriptor, 1, -1)
  }
}
