internal import ClozeCore
internal import ClozeEvaluation
internal import Foundation

/// Waits for room where a disk is full, so that a run of days does not end for an hour without room.
///
/// What is written comes into being whole or not at all, so it can be tried again as often as need be.
struct DiskPatience {
  /// Where there must be room.
  let folder: URL
  /// 0 for no patience.
  let minutes: Double

  private static let secondsBetweenLooks = 0.25
  /// Between attempts where the disk seems to have room: a quota, or a limit on the size of files, does not show in it.
  private static let secondsBetweenAttempts = 2.0

  /// Calls `write` until it finds room.
  ///
  /// - Parameters:
  ///   - bytes: what it needs.
  ///   - isInterrupted: ends the waiting, though never a `write`.
  /// - Throws: `CheckpointError.noRoom` where the time is over; what else `write` throws
  func callAsFunction(
    bytes: @autoclosure () -> Int, isInterrupted: () -> Bool, report: (TrainingEvent) -> Void,
    _ write: () throws -> Void
  ) throws {
    let start = ContinuousClock.now
    var isFirst = true
    while true {
      do {
        return try write()
      } catch FileError.diskFull(let path) {
        let needed = bytes()
        let free = Folder.freeBytes(at: folder)
        if isFirst, minutes > 0 {
          report(
            .warning(
              CheckpointError.shortage(path: path, bytes: needed, free: free)
                + "; waiting up to \(Figure.duration(60 * minutes)) for it (cadence.diskWaitMinutes)"))
        }
        isFirst = false
        let attempt = ContinuousClock.now + .seconds(DiskPatience.secondsBetweenAttempts)
        repeat {
          guard ContinuousClock.now - start < .seconds(60 * minutes), !isInterrupted() else {
            throw CheckpointError.noRoom(path: path, bytes: needed, free: free)
          }
          Thread.sleep(forTimeInterval: DiskPatience.secondsBetweenLooks)
        } while ContinuousClock.now < attempt || Folder.freeBytes(at: folder) ?? .max < needed
      }
    }
  }
}
