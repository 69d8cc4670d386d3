package import Foundation

extension Digest {
  /// The digest of a file and its length in bytes, read piece by piece: mapped, a checkpoint would count as memory.
  /// - Throws: `FileError`
  package static func ofFile(_ url: URL) throws -> (digest: Digest, byteCount: Int) {
    let (descriptor, _) = try RegularFile.read(url.path)
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    var builder = DigestBuilder()
    var byteCount = 0
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError.reading(url.path)
      }
      if count == 0 { return (builder.finalize(), byteCount) }
      builder.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      byteCount += count
    }
  }
}
