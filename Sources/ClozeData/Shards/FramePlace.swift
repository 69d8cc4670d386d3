/// The place of a frame in its split, and whether documents continue across its borders.
struct FramePlace: Sendable {
  /// The number of the split's file.
  var file: Int
  /// The number of the frame in its split, which is also in its head.
  var number: Int
  var entry: DataIndex.Frame
  /// Whether a document that continues after this frame ends here, because the next frame is in quarantine.
  var isCut: Bool

  /// Whether a document continues from this frame to the next existing one.
  var goesOn: Bool { entry.continues && !isCut }
  /// The number of documents that end in this frame.
  var documents: Int { entry.documents + (isCut ? 1 : 0) }
}

extension DataIndex.Part {
  /// The existing frames, in order.
  var places: [FramePlace] {
    var places: [FramePlace] = []
    places.reserveCapacity(files.reduce(0) { $0 + $1.frames.count })
    var number = 0
    var missing = quarantine[...]
    func skipMissing() {
      while missing.first == number {
        missing.removeFirst()
        number += 1
      }
    }
    for (file, entry) in files.enumerated() {
      for frame in entry.frames {
        skipMissing()
        let isCut = frame.continues && missing.first == number + 1
        places.append(FramePlace(file: file, number: number, entry: frame, isCut: isCut))
        number += 1
      }
    }
    return places
  }

  /// The number of frames of the split, with those in quarantine.
  var numberCount: Int { files.reduce(quarantine.count) { $0 + $1.frames.count } }
}
