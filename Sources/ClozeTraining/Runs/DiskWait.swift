internal import ClozeCore
internal import ClozeEvaluation
internal import Foundation

/// Retries writing while the disk is full, so that a run of days does not end because of an hour without room.
///
/// Writes are atomic, so a failed one can be repeated.
struct DiskWait {
  /// A folder on the disk that is written to.
  let folder: URL
  /// The longest wait; 0 does not wait.
  let minutes: Double

  private static let secondsBetweenLooks = 0.25
  /// Between attempts if the disk seems to have room: free space does not show a quota or a limit on the size of files.
  private static let secondsBetweenAttempts = 2.0

  /// Calls `write` until it succeeds.
  ///
  /// - Parameters:
  ///   - bytes: the room that `write` needs.
  ///   - isInterrupted: ends the waiting, and never a `write`.
  /// - Throws: `CheckpointError.noRoom` if the time is over, and every other error of `write`
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
        let attempt = ContinuousClock.now + .seconds(DiskWait.secondsBetweenAttempts)
        repeat {
          guard ContinuousClock.now - start < .seconds(60 * minutes), !isInterrupted() else {
            throw CheckpointError.noRoom(path: path, bytes: needed, free: free)
          }
          Thread.sleep(forTimeInterval: DiskWait.secondsBetweenLooks)
        } while ContinuousClock.now < attempt || Folder.freeBytes(at: folder) ?? .max < needed
      }
    }
  }
}
