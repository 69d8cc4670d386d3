package import ClozeCore
package import ClozeData
package import ClozeText

/// The scores of a classifier's labels against the true ones.
package struct LabelReport: Sendable, Equatable {
  /// The scores of giving the most frequent label to everything.
  package struct Baseline: Sendable, Equatable {
    package let label: String
    package let accuracy: Double
    package let f1: Double
  }

  package let kind: LabelKind
  /// The labels of the model, followed by those that only the file has.
  package let classes: [String]
  /// Of texts, or of words.
  package let table: ConfusionTable
  /// Of tagged sentences; nil for texts.
  package let entities: EntityScores?
  /// The mean loss, in nats, over labels that the model has.
  package let loss: Double
  package let baseline: Baseline
  package let sampleCount: Int
  /// The counts that one sample adds.
  private let items: [Item]

  private struct Item: Equatable {
    /// Numbers among `classes`.
    var labels: [(truth: Int, predicted: Int)] = []
    var entities = ClassCounts()

    static func == (left: Item, right: Item) -> Bool {
      left.entities == right.entities && left.labels.elementsEqual(right.labels, by: ==)
    }
  }

  /// - Parameters:
  ///   - labels: of the model.
  ///   - logProbabilities: of all labels at each position of each part of the file.
  package init(_ encoded: EncodedFile, labels: [String], logProbabilities: [[[Float]]]) {
    var numbers = Dictionary(labels.enumerated().map { ($1, $0) }) { first, _ in first }
    var classes = labels
    for unknown in encoded.unknownLabels where numbers[unknown.label] == nil {
      numbers[unknown.label] = classes.count
      classes.append(unknown.label)
    }
    var table = ConfusionTable(classes: classes.count)
    var entities = EntityScores()
    var (lossSum, lossCount) = (0.0, 0)
    items = zip(encoded.file.samples, encoded.ranges).map { sample, range in
      var item = Item()
      let rows = range.flatMap { logProbabilities[$0] }
      for (label, row) in zip(sample.labels, rows) {
        let truth = numbers[label] ?? 0
        if truth < labels.count {
          lossSum -= Double(row[truth])
          lossCount += 1
        }
        item.labels.append((truth, row.best))
        table.add(truth: truth, predicted: row.best)
      }
      if encoded.file.kind == .tagging {
        item.entities = entities.add(
          truth: sample.labels, predicted: item.labels.map { classes[$0.predicted] })
      }
      return item
    }
    kind = encoded.file.kind
    self.classes = classes
    self.table = table
    self.entities = kind == .tagging ? entities : nil
    loss = lossCount > 0 ? lossSum / Double(lossCount) : .nan
    sampleCount = items.count
    baseline = Self.baseline(encoded.file, table, classes)
  }

  private static func baseline(_ file: LabelledFile, _ table: ConfusionTable, _ classes: [String]) -> Baseline
  {
    guard let majority = table.majority else { return Baseline(label: "none", accuracy: .nan, f1: .nan) }
    let label = classes[majority.class]
    var (constant, entities) = (ConfusionTable(classes: classes.count), EntityScores())
    switch file.kind {
    case .classification:
      for (truth, score) in table.scores.enumerated() {
        for _ in 0..<score.actual { constant.add(truth: truth, predicted: majority.class) }
      }
    case .tagging:
      for sample in file.samples {
        entities.add(truth: sample.labels, predicted: sample.labels.map { _ in label })
      }
    }
    return Baseline(
      label: label, accuracy: majority.share,
      f1: file.kind == .classification ? constant.macroF1 : entities.all.f1)
  }

  package var accuracy: Double { table.accuracy }

  /// The macro average over classes, or the F1 of entities.
  package var f1: Double { entities?.all.f1 ?? table.macroF1 }

  /// The name of the figure.
  package static func f1Name(_ kind: LabelKind) -> String {
    kind == .classification ? "macro F1" : "entity F1"
  }

  /// Bootstrap 95 % intervals; samples are resampled, since the words of a sentence are not independent.
  package func intervals() -> (accuracy: ClosedRange<Double>, f1: ClosedRange<Double>) {
    let found = Bootstrap.intervals(itemCount: items.count, scoreCount: 2) { drawn in
      var (labels, correct, entities) = (0, 0, ClassCounts())
      var scores = [ClassCounts](
        repeating: ClassCounts(), count: kind == .classification ? classes.count : 0)
      for index in drawn {
        let item = items[index]
        labels += item.labels.count
        entities += item.entities
        for (truth, predicted) in item.labels {
          let isCorrect = truth == predicted ? 1 : 0
          correct += isCorrect
          guard kind == .classification else { continue }
          scores[truth].actual += 1
          scores[truth].correct += isCorrect
          scores[predicted].predicted += 1
        }
      }
      guard labels > 0 else { return nil }
      return [
        Double(correct) / Double(labels), kind == .classification ? scores.macroF1 : entities.f1,
      ]
    }
    return (found[0], found[1])
  }

  /// Reasons not to trust the figures, one sentence each.
  package var warnings: [String] {
    var warnings: [String] = []
    if !loss.isFinite {
      warnings.append(
        "the model gives numbers that are not finite; its weights are damaged or its training diverged")
    } else if accuracy <= baseline.accuracy {
      warnings.append(
        "the accuracy of \(Figure.percent(accuracy, 2)) is not above that of '\(baseline.label)' for everything, "
          + "\(Figure.percent(baseline.accuracy, 2))")
    }
    if kind == .tagging, let tag = classes.first(where: { !EntityScores.isEntityTag($0) }) {
      warnings.append(
        "'\(tag)' is no tag of an entity, as B-PER, I-PER and O are: the F1 of entities says little here, go by the accuracy"
      )
    }
    if sampleCount < 20 {
      warnings.append("\(sampleCount) samples are too few for an interval to be relied on")
    }
    return warnings
  }
}

// MARK: Statistics of samples

extension LabelReport {
  /// What each sample adds to the sums of which `f1` is made: for each of `classes` the items that are correct, predicted and
  /// actual, or for a tagger the entities. [N, 3 C] or [N, 3].
  package func statistics(classes names: [String]) -> [[Double]] {
    guard kind == .classification else {
      return items.map { [$0.entities.correct, $0.entities.predicted, $0.entities.actual].map(Double.init) }
    }
    let places = Dictionary(names.enumerated().map { ($1, 3 * $0) }) { first, _ in first }
    return items.map { item in
      var row = [Double](repeating: 0, count: 3 * names.count)
      for (truth, predicted) in item.labels {
        if let place = places[classes[truth]] {
          row[place + 2] += 1
          if truth == predicted { row[place] += 1 }
        }
        if let place = places[classes[predicted]] { row[place + 1] += 1 }
      }
      return row
    }
  }

  /// The macro average over classes, or the F1 of entities, in 0...1.
  /// - Parameter sums: of `statistics(classes:)`.
  package static func f1(_ kind: LabelKind, statistics sums: [Double]) -> Double {
    let counts = stride(from: 0, to: sums.count, by: 3).map {
      ClassCounts(correct: Int(sums[$0]), predicted: Int(sums[$0 + 1]), actual: Int(sums[$0 + 2]))
    }
    return kind == .classification ? counts.macroF1 : counts.first?.f1 ?? 0
  }
}

extension [Float] {
  /// The index of the largest number; of equal ones the first, and 0 if all are NaN.
  package var best: Int { indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 } }
}
