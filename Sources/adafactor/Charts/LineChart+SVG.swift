import Foundation

extension LineChart {
  /// Returns the chart as an SVG document, with colors for light and dark backgrounds.
  func svg(width: Int = 760, height: Int = 400) -> String {
    let frame = SVGFrame(chart: self, width: width, height: height)
    var lines = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" \
      width="\(width)" height="\(height)" role="img">
      """,
      "<title>\(escaped(title ?? series.map(\.name).joined(separator: ", ")))</title>",
      Self.styleSheet,
      #"<rect class="paper" width="100%" height="100%"/>"#,
    ]
    lines += frame.grid()
    for (index, series) in series.enumerated() {
      lines += segments(of: series).map { frame.curve($0, style: index) }
    }
    lines += frame.legend()
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Colors that can be told apart with every kind of color vision (after Okabe and Ito), and dashes in
  /// addition.
  private static let styleSheet = """
    <style>
    .paper { fill: #ffffff }
    text { fill: #24292f; font: 12px system-ui, sans-serif }
    .title { font-size: 14px; font-weight: 600 }
    .grid { stroke: #d8dee4; stroke-width: 1 }
    .axis { stroke: #6e7781; stroke-width: 1 }
    .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
    .c0 { stroke: #0072b2 } .c1 { stroke: #d55e00 } .c2 { stroke: #009e73 }
    .c3 { stroke: #b0528f } .c4 { stroke: #a67c00 } .c5 { stroke: #3a9bd0 }
    .d1 { stroke-dasharray: 8 4 } .d2 { stroke-dasharray: 2 4 }
    @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 }
    text { fill: #e6edf3 }
    .grid { stroke: #262c36 }
    .axis { stroke: #8b949e }
    .c0 { stroke: #4aa8e0 } .c1 { stroke: #ff8c42 } .c2 { stroke: #2fc99a }
    .c3 { stroke: #dd8fc0 } .c4 { stroke: #e0b53a } .c5 { stroke: #8fd0f5 }
    }
    </style>
    """
  static let colorCount = 6

  fileprivate func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}

/// The positions of a chart's parts in its picture.
private struct SVGFrame {
  let chart: LineChart
  let xAxis: ChartAxis
  let yAxis: ChartAxis
  let left = 76.0
  let right: Double
  let top: Double
  let legendTop: Double
  private var legendPlaces: [(series: Int, x: Double, y: Double)] = []
  let bottom: Double
  let height: Double

  init(chart: LineChart, width: Int, height: Int) {
    self.chart = chart
    xAxis = chart.xAxis
    yAxis = chart.yAxis
    self.height = Double(height)
    right = Double(width) - 24
    bottom = Double(height) - 52
    var place = (x: left, row: 0)
    for (index, series) in chart.series.enumerated() where chart.series.count > 1 {
      // The font's widths are not known here: 7 per letter leaves room.
      let width = 48 + 7 * Double(series.name.count)
      if place.x > left && place.x + width > right { place = (left, place.row + 1) }
      legendPlaces.append((index, place.x, Double(place.row) * 18))
      place.x += width
    }
    legendTop = chart.title == nil ? 24 : 46
    top = legendTop + (legendPlaces.last.map { $0.y + 16 } ?? 0)
  }

  func x(_ value: Double) -> Double { left + xAxis.position(value) * (right - left) }
  func y(_ value: Double) -> Double { bottom - yAxis.position(value) * (bottom - top) }
  func coordinate(_ value: Double) -> String { String(format: "%.2f", value) }

  func grid() -> [String] {
    var lines = yAxis.ticks.flatMap { tick in
      let y = coordinate(y(tick))
      return [
        #"<line class="grid" x1="\#(left)" y1="\#(y)" x2="\#(right)" y2="\#(y)"/>"#,
        text(
          ChartAxis.label(tick),
          #"x="\#(left - 8)" y="\#(y)" text-anchor="end" dominant-baseline="middle""#),
      ]
    }
    lines += xAxis.ticks.map { tick in
      text(ChartAxis.label(tick), #"x="\#(coordinate(x(tick)))" y="\#(bottom + 18)" text-anchor="middle""#)
    }
    let middle = (top + bottom) / 2
    lines += [
      #"<line class="axis" x1="\#(left)" y1="\#(bottom)" x2="\#(right)" y2="\#(bottom)"/>"#,
      text(chart.xLabel, #"x="\#((left + right) / 2)" y="\#(height - 12)" text-anchor="middle""#),
      text(
        chart.yLabel,
        #"transform="rotate(-90 16 \#(middle))" x="16" y="\#(middle)" text-anchor="middle""#),
    ]
    if let title = chart.title { lines.append(text(title, #"class="title" x="\#(left)" y="24""#)) }
    return lines
  }

  private func text(_ content: String, _ attributes: String) -> String {
    "<text \(attributes)>\(chart.escaped(content))</text>"
  }

  func curve(_ points: [LineChart.Point], style: Int) -> String {
    let coordinates = points.map { "\(coordinate(x($0.x))),\(coordinate(y($0.y)))" }
    // A point between two gaps is drawn by its round cap.
    let drawn = coordinates.count == 1 ? coordinates + coordinates : coordinates
    return #"<polyline class="\#(classes(style))" points="\#(drawn.joined(separator: " "))"/>"#
  }

  func legend() -> [String] {
    legendPlaces.flatMap { index, x, y in
      let line = legendTop + y - 4
      return [
        #"<polyline class="\#(classes(index))" points="\#(x),\#(line) \#(x + 24),\#(line)"/>"#,
        text(chart.series[index].name, #"x="\#(x + 30)" y="\#(legendTop + y)""#),
      ]
    }
  }

  private func classes(_ style: Int) -> String {
    let dash = style / LineChart.colorCount % 3
    return "curve c\(style % LineChart.colorCount)" + (dash == 0 ? "" : " d\(dash)")
  }
}
