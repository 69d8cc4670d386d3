/// A frame of a split: where it lies, and what the frames around it make of it.
struct FramePlace: Sendable {
  /// Which of the split's files.
  var file: Int
  /// The frame's number in its split, which its head bears.
  var number: Int
  var entry: DataIndex.Frame
  /// Whether a document that goes on after this frame has lost its rest to the quarantine, and so ends here.
  var isCut: Bool

  /// Whether a document goes on from this frame to the next that there is.
  var goesOn: Bool { entry.continues && !isCut }
  /// How many documents end in this frame.
  var documents: Int { entry.documents + (isCut ? 1 : 0) }
}

extension DataIndex.Part {
  /// The frames that can be read, in order.
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

  /// How many frames the split has or had.
  var numberCount: Int { files.reduce(quarantine.count) { $0 + $1.frames.count } }
}
