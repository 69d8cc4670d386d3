internal import ClozeCore
package import ClozeModel

/// What a study found as an HTML page with drawings in it: the verdict, the best trials, the best loss so far of each arm, what the
/// settings are worth, the losses over pairs of settings, and the best network.
package struct StudyPage {
  private let result: SearchResult
  private let proposer: ProposerKind
  private let importance: SettingImportance
  /// nil if nothing can be said of the losses between the trials.
  private let pairs: PairwisePicture?
  private let network: [Block]

  package static let fileName = "report.html"
  private static let listedTrials = 20

  /// - Parameters:
  ///   - space: that of the study.
  ///   - importance: what the trials of the result say of the settings.
  ///   - network: the layers of the best network; empty if studies of this kind do not make one.
  package init(
    _ result: SearchResult, space: SearchSpace, importance: SettingImportance, proposer: ProposerKind,
    network: [Block]
  ) {
    (self.result, self.importance, self.proposer, self.network) = (result, importance, proposer, network)
    pairs = PairwisePicture(space, result, importance)
  }

  package var html: String {
    let progress = BestSoFarChart(result, proposer: proposer)
    var sections: [(heading: String, content: String)] = [
      ("Verdict", paragraphs(result.verdict)), ("The best trials", trialTable),
      ("The best so far", progress.svg + paragraphs(progress.caption)),
      ("What the settings are worth", importanceSection),
    ]
    if let pairs { sections.append(("Pairs of settings", pairs.svg + paragraphs([pairs.caption]))) }
    if !network.isEmpty { sections.append(("The best network", NetworkDrawing(network).svg)) }
    let body = sections.map { "<h2>\($0.heading)</h2>\n\($0.content)" }.joined(separator: "\n")
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"/><title>A study of settings</title>
      <style>body { font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
      td, th { text-align: left; padding: 0.2em 0.8em 0.2em 0 } svg { max-width: 100%; height: auto }</style></head>
      <body><h1>A study of settings</h1>
      \(body)
      </body></html>

      """
  }

  private func paragraphs(_ sentences: [String]) -> String {
    sentences.map { "<p>\(Drawing.escaped($0))</p>" }.joined(separator: "\n")
  }

  private var trialTable: String {
    let lines = result.rows(StudyPage.listedTrials, proposer).enumerated().map { number, row in
      let cell = number == 0 ? "th" : "td"
      return "<tr>\(row.map { "<\(cell)>\(Drawing.escaped($0))</\(cell)>" }.joined())</tr>"
    }
    return "<table>\n\(lines.joined(separator: "\n"))\n</table>"
  }

  private var importanceSection: String {
    let text = paragraphs(importance.summary)
    return importance.settings.isEmpty ? text : ImportanceChart(importance).svg + text
  }
}

extension SearchArm {
  /// For people.
  package func name(_ proposer: ProposerKind) -> String {
    switch self {
    case .base: "base"
    case .control: "random"
    case .proposer: proposer.rawValue
    }
  }

  /// In drawings.
  var color: String {
    switch self {
    case .base: "#666666"
    case .control: "#b35806"
    case .proposer: "#2166ac"
    }
  }
}

/// The share of the variance of the losses that each setting makes, as bars.
struct ImportanceChart {
  private let importance: SettingImportance
  private let left = 230.0
  private let width = 640.0
  private let rowHeight = 24.0

  init(_ importance: SettingImportance) { self.importance = importance }

  var svg: String {
    let settings = importance.settings
    var drawing = Drawing(
      width: width, height: 40 + rowHeight * Double(settings.count),
      title: "The share of the variance of the losses that each setting makes")
    let scale = (width - left - 60) / max(1, settings.map(\.total).max() ?? 1)
    for (number, setting) in settings.enumerated() {
      let y = 8 + rowHeight * Double(number)
      func bar(_ share: Double, _ color: String) {
        drawing.rectangle(
          from: .init(x: left, y: y), to: .init(x: left + scale * share, y: y + rowHeight - 8), color: color)
      }
      drawing.text(setting.key, at: .init(x: left - 8, y: y + 12), anchor: .end)
      bar(setting.total, "#a6c8e4")
      bar(min(setting.alone, setting.total), "#2166ac")
      drawing.text(
        Figure.percent(setting.total, 0), at: .init(x: left + scale * setting.total + 6, y: y + 12))
    }
    let floor = 14 + rowHeight * Double(settings.count)
    drawing.legend([("alone", "#2166ac")], at: .init(x: left, y: floor))
    drawing.legend([("with interactions", "#a6c8e4")], at: .init(x: left + 90, y: floor))
    return drawing.svg
  }
}

/// The layers of a network, the first at the bottom.
struct NetworkDrawing {
  private let blocks: [Block]
  private let rowHeight = 26.0

  init(_ blocks: [Block]) { self.blocks = blocks }

  var svg: String {
    var drawing = Drawing(
      width: 420, height: rowHeight * Double(blocks.count + 2) + 10, title: "The layers of the best network")
    func row(_ number: Int) -> Double { drawing.height - 5 - rowHeight * Double(number + 1) }
    func box(_ text: String, _ color: String, from x: Double, to end: Double, row number: Int) {
      drawing.rectangle(
        from: .init(x: x, y: row(number) + 2), to: .init(x: end, y: row(number) + rowHeight - 2), color: color
      )
      drawing.text(text, at: .init(x: (x + end) / 2, y: row(number) + 17), anchor: .middle)
    }
    box("embeddings", "#e0e0e0", from: 30, to: 410, row: 0)
    for (number, block) in blocks.enumerated() {
      drawing.text("\(number + 1)", at: .init(x: 20, y: row(number + 1) + 17), anchor: .end)
      let isWhole = block.feedForward == .none
      box(block.mixer.rawValue, block.mixer.color, from: 30, to: isWhole ? 410 : 250, row: number + 1)
      if !isWhole { box(block.feedForward.rawValue, "#f2e6c9", from: 254, to: 410, row: number + 1) }
    }
    box("output", "#e0e0e0", from: 30, to: 410, row: blocks.count + 1)
    return drawing.svg
  }
}

extension MixerKind {
  fileprivate var color: String {
    switch self {
    case .attention: "#a6c8e4"
    case .localAttention: "#c9dff0"
    case .recurrent: "#bfe3c0"
    case .gatedMLP: "#e3c4df"
    }
  }
}
