/// Curves over a common x axis, to be drawn as SVG (``svg(width:height:)``) or in a terminal
/// (``terminal(_:)``).
///
/// Points that are not finite are gaps, and on a logarithmic axis so are points that are not positive. Points
/// beyond 1e300 are gaps too, because their differences and ratios may not be finite.
struct LineChart {
  /// A named curve; its points are in the order of x.
  struct Series {
    let name: String
    let points: [Point]
  }

  struct Point: Equatable {
    let x: Double
    let y: Double
  }

  var title: String?
  var xLabel: String
  var yLabel: String
  var hasLogarithmicY = false
  var series: [Series]

  /// Returns the parts of a curve between its gaps.
  func segments(of series: Series) -> [[Point]] {
    series.points.split { !isDrawable($0) }.map(Array.init)
  }

  var xAxis: ChartAxis {
    ChartAxis(values: drawablePoints.map(\.x), isLogarithmic: false, isTight: true)
  }

  var yAxis: ChartAxis {
    ChartAxis(values: drawablePoints.map(\.y), isLogarithmic: hasLogarithmicY)
  }

  private var drawablePoints: [Point] {
    series.flatMap { $0.points.filter(isDrawable) }
  }

  private static let limit = 1e300

  private func isDrawable(_ point: Point) -> Bool {
    // NaN fails every comparison.
    abs(point.x) < Self.limit && abs(point.y) < Self.limit && (!hasLogarithmicY || point.y > 1 / Self.limit)
  }
}

extension LineChart.Series {
  /// Creates the curve of `values` at `start`, `start` + 1, ….
  init(name: String, values: [Double], from start: Int) {
    self.init(name: name, points: zip(start..., values).map { .init(x: Double($0), y: $1) })
  }
}
