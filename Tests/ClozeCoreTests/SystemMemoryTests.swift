import ClozeCore
import ClozeTestSupport
import Foundation
import Testing

/// Made-up systems: a machine, and containers of both versions of control groups.
@Suite struct SystemMemoryTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("MemTotal:  9000 kB\nMemFree:   1000 kB\nMemAvailable:   5000 kB\n", to: "proc/meminfo")
  }

  private var available: Int? { SystemMemory.available(root: folder.url.path) }

  @Test func aMachineWithoutLimits() throws {
    #expect(available == 5000 << 10)
    try folder.write("0::/user\n", to: "proc/self/cgroup")
    try folder.write("max\n", to: "sys/fs/cgroup/user/memory.max")
    try folder.write("1\n", to: "sys/fs/cgroup/user/memory.current")
    #expect(available == 5000 << 10)
  }

  @Test func theSmallestGroupDecides() throws {
    try folder.write("0::/outer/inner\n", to: "proc/self/cgroup")
    for (group, limit) in [("outer", 3_000_000), ("outer/inner", 4_000_000)] {
      try folder.write("\(limit)\n", to: "sys/fs/cgroup/\(group)/memory.max")
      try folder.write("1000000\n", to: "sys/fs/cgroup/\(group)/memory.current")
      try folder.write("anon 5\ninactive_file 250000\n", to: "sys/fs/cgroup/\(group)/memory.stat")
    }
    #expect(available == 2_250_000)
  }

  /// The group's path is one that only the host sees.
  @Test func aContainerOfTheFirstVersion() throws {
    try folder.write("3:cpu:/docker/1\n2:memory:/docker/1\n", to: "proc/self/cgroup")
    try folder.write("2000000\n", to: "sys/fs/cgroup/memory/memory.limit_in_bytes")
    try folder.write("500000\n", to: "sys/fs/cgroup/memory/memory.usage_in_bytes")
    #expect(available == 1_500_000)
  }

  @Test func aSystemThatDoesNotSay() {
    #expect(SystemMemory.available(root: folder.file("none").path) == nil)
  }
}
