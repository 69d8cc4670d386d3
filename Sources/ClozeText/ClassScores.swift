/// Counts of one class with precision, recall and F1. A share of nothing is 0.
package struct ClassCounts: Sendable, Equatable {
  /// Items of the class that were predicted as it.
  package var correct = 0
  /// Items that were predicted as the class.
  package var predicted = 0
  /// Items of the class; "support" in scikit-learn.
  package var actual = 0

  package init(correct: Int = 0, predicted: Int = 0, actual: Int = 0) {
    (self.correct, self.predicted, self.actual) = (correct, predicted, actual)
  }

  package var precision: Double { predicted > 0 ? Double(correct) / Double(predicted) : 0 }
  package var recall: Double { actual > 0 ? Double(correct) / Double(actual) : 0 }
  /// The harmonic mean of precision and recall.
  package var f1: Double { predicted + actual > 0 ? 2 * Double(correct) / Double(predicted + actual) : 0 }

  package static func += (left: inout ClassCounts, right: ClassCounts) {
    left.correct += right.correct
    left.predicted += right.predicted
    left.actual += right.actual
  }
}

/// The confusion table: [C, C] counts, with a row for each true class and a column for each predicted one.
///
/// Accuracy and macro F1 are scikit-learn's `accuracy_score` and `f1_score(average="macro", zero_division=0)`: the macro
/// average is over the classes that occur, as truth or as prediction.
package struct ConfusionTable: Sendable, Equatable {
  package let classes: Int
  package private(set) var counts: [Int]

  package init(classes: Int) {
    self.classes = classes
    counts = [Int](repeating: 0, count: classes * classes)
  }

  package subscript(truth truth: Int, predicted predicted: Int) -> Int { counts[truth * classes + predicted] }

  package mutating func add(truth: Int, predicted: Int) {
    counts[truth * classes + predicted] += 1
  }

  /// All items.
  package var total: Int { counts.reduce(0, +) }

  package var accuracy: Double {
    let total = total
    return total > 0
      ? Double((0..<classes).reduce(0) { $0 + self[truth: $1, predicted: $1] }) / Double(total) : .nan
  }

  /// Of each class.
  package var scores: [ClassCounts] {
    var scores = [ClassCounts](repeating: ClassCounts(), count: classes)
    for truth in 0..<classes {
      for predicted in 0..<classes {
        let count = self[truth: truth, predicted: predicted]
        scores[truth].actual += count
        scores[predicted].predicted += count
        if truth == predicted { scores[truth].correct += count }
      }
    }
    return scores
  }

  package var macroF1: Double { scores.macroF1 }

  /// The share of the most frequent true class: the accuracy of always predicting it.
  package var majority: (class: Int, share: Double)? {
    let scores = scores
    guard let most = scores.indices.max(by: { scores[$0].actual < scores[$1].actual }), total > 0 else {
      return nil
    }
    return (most, Double(scores[most].actual) / Double(total))
  }
}

extension Sequence<ClassCounts> {
  /// The mean F1 of the classes that occur, as truth or as prediction; 0 if there are none.
  package var macroF1: Double {
    let occurring = filter { $0.predicted + $0.actual > 0 }
    return occurring.isEmpty ? 0 : occurring.reduce(0) { $0 + $1.f1 } / Double(occurring.count)
  }

  /// All classes together; its F1 is the micro average.
  package var sum: ClassCounts { reduce(into: ClassCounts()) { $0 += $1 } }
}
