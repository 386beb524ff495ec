extension LineChart {
  /// The room that a terminal has, and whether it shows colors.
  struct TerminalStyle {
    var columns = 80
    var rows = 20
    var hasColor = false
  }

  /// Returns the chart in characters: curves of dots that differ by color or, without colors, by letter.
  ///
  /// `style.rows` is the height of the curves only; title, axis and legend add to it.
  func terminal(_ style: TerminalStyle = TerminalStyle()) -> String {
    let (xAxis, yAxis) = (xAxis, yAxis)
    let labels = yAxis.ticks.map(ChartAxis.label)
    let margin = (labels.map(\.count).max() ?? 0) + 2
    var canvas = DotCanvas(columns: max(10, style.columns - margin), rows: max(2, style.rows))
    for (layer, series) in series.enumerated() {
      for segment in segments(of: series) {
        let dots = segment.map { point in
          (
            x: Int((xAxis.position(point.x) * Double(canvas.width - 1)).rounded()),
            y: Int(((1 - yAxis.position(point.y)) * Double(canvas.height - 1)).rounded())
          )
        }
        for (start, end) in zip(dots.prefix(1) + dots, dots) {
          canvas.line(from: start, to: end, layer: layer)
        }
      }
    }

    var rowLabels: [Int: String] = [:]
    for (tick, label) in zip(yAxis.ticks, labels) {
      rowLabels[Int((1 - yAxis.position(tick)) * Double(canvas.rows - 1) + 0.5)] = label
    }
    var lines: [String] = []
    if let title { lines.append(title) }
    lines.append(yLabel)
    for row in 0..<canvas.rows {
      let label = rowLabels[row]
      let padded = String(repeating: " ", count: margin - 2 - (label?.count ?? 0)) + (label ?? "")
      lines.append(padded + (label == nil ? " │" : " ┤") + text(canvas.row(row), style))
    }
    lines.append(
      String(repeating: " ", count: margin - 1) + "└" + String(repeating: "─", count: canvas.columns))
    lines.append(String(repeating: " ", count: margin) + tickLine(xAxis, columns: canvas.columns))
    if series.count > 1 { lines.append(legend(style)) }
    return lines.map { $0.replacing(#/ +$/#, with: "") + "\n" }.joined()
  }

  private func text(_ row: [(character: Character, layer: Int?)], _ style: TerminalStyle) -> String {
    guard series.count > 1 else { return String(row.map(\.character)) }
    guard style.hasColor else { return row.map { $1.map(letter) ?? String($0) }.joined() }
    var text = ""
    var rest = row[...]
    while let first = rest.first {
      let run = rest.prefix { $0.layer == first.layer }
      let characters = String(run.map(\.character))
      text += first.layer.map { colored(characters, $0) } ?? characters
      rest = rest.dropFirst(run.count)
    }
    return text
  }

  /// Returns the ticks of the x axis at their positions, and its label at the right end.
  private func tickLine(_ axis: ChartAxis, columns: Int) -> String {
    var line = Array(repeating: Character(" "), count: columns)
    var free = 0
    let end = columns - xLabel.count
    for tick in axis.ticks {
      let label = ChartAxis.label(tick)
      let start = max(0, Int(axis.position(tick) * Double(columns - 1)) - label.count / 2)
      guard start >= free, start + label.count < end else { continue }
      line.replaceSubrange(start..<start + label.count, with: label)
      free = start + label.count + 1
    }
    if end > 0 { line.replaceSubrange(end..<columns, with: xLabel) }
    return String(line)
  }

  private func legend(_ style: TerminalStyle) -> String {
    series.enumerated().map { layer, series in
      style.hasColor ? colored("━━ \(series.name)", layer) : "\(letter(layer)) \(series.name)"
    }.joined(separator: "   ")
  }

  private func letter(_ layer: Int) -> String {
    String(Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(layer % 26))))
  }

  /// The six bright colors that both light and dark terminals show.
  private func colored(_ text: String, _ layer: Int) -> String {
    let codes = [34, 31, 32, 35, 33, 36]
    return "\u{1B}[\(codes[layer % codes.count])m\(text)\u{1B}[0m"
  }
}
