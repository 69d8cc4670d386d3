import ClozeFuzzing
import Foundation

// What libFuzzer calls: `scripts/fuzz` builds this with it and names the target in the environment.

// libFuzzer has one thread.
nonisolated(unsafe) private let target: FuzzTarget = {
  let name = ProcessInfo.processInfo.environment["CLOZE_FUZZ_TARGET"] ?? ""
  do {
    if let target = try FuzzTarget.make(name) { return target }
  } catch {
    fatalError("fuzz: \(name): cannot be made ready: \(error)")
  }
  print(FuzzTarget.names.joined(separator: "\n"))
  // libFuzzer takes an orderly exit for a crash.
  fflush(nil)
  _exit(name.isEmpty ? 0 : 64)
}()

private func isDirectory(_ path: String) -> Bool {
  var isDirectory: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
}

/// Writes the target's seeds into the first folder that libFuzzer is given.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>
) -> CInt {
  let seeds = target.seeds
  let words = (1..<max(1, Int(count.pointee))).map { String(cString: arguments.pointee[$0]) }
  // A file is an input to be read once more.
  if let folder = words.first(where: { !$0.hasPrefix("-") }), isDirectory(folder) {
    for (number, seed) in seeds.enumerated() {
      let url = URL(fileURLWithPath: folder).appendingPathComponent("seed-\(number)")
      guard FileManager.default.createFile(atPath: url.path, contents: Data(seed)) else {
        fatalError("fuzz: \(url.path) cannot be written")
      }
    }
  }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.consume(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}
