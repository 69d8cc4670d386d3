package import ClozeCompute
internal import ClozeCore
package import ClozeModel

/// Describes the tensors of a new model: a line for each, and the number of each origin.
package struct TensorTable: Sendable {
  package let rows: [(name: String, text: String)]
  /// `41 tensors loaded, 1 shared, 30 new; 17 frozen`
  package let summary: String

  /// - Parameter store: the store of the model, which knows the frozen parameters.
  package init(_ origins: TensorOrigins, _ store: ParameterStore) {
    var counts = (loaded: 0, shared: 0, new: 0, frozen: 0)
    rows = origins.map { entry, origin in
      var text: String
      switch origin {
      case .loaded(let name):
        text = "loaded from \(name)"
        counts.loaded += 1
      case .extended(let name, let newRows):
        text = "loaded from \(name), \(Figure.count(newRows)) new rows from the means of their pieces' rows"
        counts.loaded += 1
      case .shared:
        text = "shared with the encoder"
        counts.shared += 1
      case .new:
        text = "new"
        counts.new += 1
      }
      if store.isFrozen(entry.parameter) {
        text += ", frozen"
        counts.frozen += 1
      }
      return (entry.name, "\(entry.shape)  \(text)")
    }
    summary =
      "\(counts.loaded) tensors loaded, \(counts.shared) shared, \(counts.new) new; \(counts.frozen) frozen"
  }
}
