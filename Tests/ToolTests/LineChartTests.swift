import Foundation
import Testing

@testable import adafactor

@Suite("Line charts")
struct LineChartTests {
  private func chart(_ values: [Double], logarithmic: Bool = false) -> LineChart {
    LineChart(
      xLabel: "step", yLabel: "value", hasLogarithmicY: logarithmic,
      series: [.init(name: "a", points: values.enumerated().map { .init(x: Double($0), y: $1) })])
  }

  @Test func `There are at most eight ticks, which are round and include all values`() {
    for (values, ticks) in [
      ([0, 1], [0, 0.2, 0.4, 0.6, 0.8, 1]),
      ([0.9, 1.6], [0.8, 1, 1.2, 1.4, 1.6]),
      ([-3, 4], [-4, -2, 0, 2, 4]),
      ([12, 99], [0, 20, 40, 60, 80, 100]),
      ([5], [0, 1, 2, 3, 4, 5]),
      ([-5], [-5, -4, -3, -2, -1, 0]),
      ([0], [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ] as [([Double], [Double])] {
      let axis = ChartAxis(values: values, isLogarithmic: false)
      #expect(axis.ticks.count <= 8)
      #expect(axis.ticks.map(ChartAxis.label) == ticks.map(ChartAxis.label), "\(values)")
      #expect(values.allSatisfy(axis.range.contains))
    }
  }

  @Test func `A logarithmic axis ends at round numbers, and a tenth is one decade lower`() {
    for (values, ends, ticks) in [
      ([0.003, 20], [0.002, 20], [0.01, 0.1, 1, 10]),
      ([0.052, 1.4], [0.05, 2], [0.05, 0.1, 0.2, 0.5, 1, 2]),
      ([1], [1, 2], [1, 2]),
      ([1e-30, 1e30], [1e-30, 1e30], [1e-22, 1e-11, 1, 1e11, 1e22]),
    ] as [([Double], [Double], [Double])] {
      let axis = ChartAxis(values: values, isLogarithmic: true)
      #expect([axis.range.lowerBound, axis.range.upperBound] == ends)
      #expect(axis.ticks == ticks)
      let decade = axis.position(ends[0] * 10) - axis.position(ends[0])
      #expect(abs(decade - 1 / log10(ends[1] / ends[0])) < 1e-12)
    }
  }

  @Test func `Values that cannot be drawn are gaps`() {
    let linear = chart([1, .nan, 2, 3, .infinity, -1])
    #expect(linear.segments(of: linear.series[0]).map { $0.map(\.y) } == [[1], [2, 3], [-1]])
    let logarithmic = chart([1, 0, 2, 3, -1], logarithmic: true)
    #expect(logarithmic.segments(of: logarithmic.series[0]).map { $0.map(\.y) } == [[1], [2, 3]])
  }

  @Test(
    arguments: [
      [], [1], [.nan], [0, 0], [1e308, -1e308], [1, 1.0000000000000002], [.leastNonzeroMagnitude], [1.7e308],
    ] as [[Double]], [false, true])
  func `Charts of no points, of one point and of points that cannot be drawn are valid`(
    values: [Double], logarithmic: Bool
  ) {
    let chart = chart(values, logarithmic: logarithmic)
    #expect(chart.svg().hasSuffix("</svg>\n"))
    #expect(chart.terminal().split(separator: "\n").count > 20)
  }

  @Test func `A character has eight dots, and each sets its own bit`() {
    var canvas = DotCanvas(columns: 2, rows: 1)
    #expect(canvas.row(0).map(\.character) == [" ", " "])
    canvas.set(x: 0, y: 3, layer: 0)
    #expect(canvas.row(0)[0].character == "⡀")
    canvas.line(from: (3, 0), to: (3, 3), layer: 4)
    #expect(canvas.row(0)[1].character == "⢸")
    #expect(canvas.row(0)[1].layer == 4)
    for x in 0..<2 { for y in 0..<4 { canvas.set(x: x, y: y, layer: 0) } }
    #expect(canvas.row(0)[0].character == "⣿")
    canvas.set(x: -1, y: 0, layer: 0)
    canvas.set(x: 0, y: 4, layer: 0)
  }

  @Test func `Names are escaped in SVG, and several curves are named in a legend`() {
    var several = chart([1, 2])
    several.series.append(.init(name: "<b & c>", points: several.series[0].points))
    #expect(several.svg().contains(">&lt;b &amp; c&gt;</text>"))
    let plain = several.terminal()
    #expect(plain.contains("a a   b <b & c>") && !plain.contains("\u{1B}"))
    let colored = several.terminal(.init(hasColor: true))
    #expect(colored.contains("\u{1B}[31m━━ <b & c>\u{1B}[0m"))
  }
}
