internal import Foundation

/// The memory that is available to this process.
package enum SystemMemory {
  /// The bytes that this process can still allocate without swapping: of the machine, or of a container's limit. Page
  /// cache that can be dropped counts as free. nil if the system does not tell.
  ///
  /// Sources: Linux, Documentation/filesystems/proc.rst (MemAvailable), admin-guide/cgroup-v2.rst (memory.max) and
  /// admin-guide/cgroup-v1/memory.rst (memory.limit_in_bytes).
  ///
  /// - Parameter root: the folder of `proc` and `sys`.
  package static func available(root: String = "/") -> Int? {
    let machine = numbers(root + "/proc/meminfo")["MemAvailable:"].map { $0 << 10 }
    let groups = (text(root + "/proc/self/cgroup") ?? "").split(separator: "\n").flatMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [Int?]() }
      if fields[1].isEmpty { return rooms(root + "/sys/fs/cgroup", path: fields[2], .second) }
      guard fields[1].split(separator: ",").contains("memory") else { return [] }
      return rooms(root + "/sys/fs/cgroup/memory", path: fields[2], .first)
    }
    return ([machine] + groups).compactMap(\.self).min()
  }

  /// The names of the files of a control group, in one version of the interface.
  private struct GroupFiles {
    let limit, usage, droppable: String

    static let first = GroupFiles(
      limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", droppable: "total_inactive_file")
    static let second = GroupFiles(limit: "memory.max", usage: "memory.current", droppable: "inactive_file")
  }

  /// The memory that a group and its parents leave. In a container the path of a group may be one of the host; then
  /// only the mount itself exists, which is the container's group.
  private static func rooms(_ mount: String, path: Substring, _ files: GroupFiles) -> [Int?] {
    var names = path.split(separator: "/")
    var folders = [mount]
    while !names.isEmpty {
      folders.append(mount + "/" + names.joined(separator: "/"))
      names.removeLast()
    }
    return folders.map { folder in
      guard let limit = text(folder + "/" + files.limit).flatMap({ Int($0.trimmingLineEnd) }),
        let usage = text(folder + "/" + files.usage).flatMap({ Int($0.trimmingLineEnd) })
      else { return nil }
      let droppable = numbers(folder + "/memory.stat")[files.droppable] ?? 0
      return max(0, limit - max(0, usage - droppable))
    }
  }

  /// The first number of each line, by the first word of the line.
  private static func numbers(_ path: String) -> [String: Int] {
    let lines = (text(path) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
    return Dictionary(
      lines.compactMap { words in
        words.count > 1 ? Int(words[1]).map { (String(words[0]), $0) } : nil
      }, uniquingKeysWith: { first, _ in first })
  }

  private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}

extension String {
  fileprivate var trimmingLineEnd: Substring { hasSuffix("\n") ? dropLast() : self[...] }
}
