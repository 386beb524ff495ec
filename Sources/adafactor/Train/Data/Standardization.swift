import Tensors

/// Scales each column to mean 0 and variance 1, as measured on the training samples.
///
///     z = (x − mean) · scale
struct Standardization: Equatable {
  /// The mean of each column.
  let mean: [Double]
  /// The reciprocal of each column's standard deviation, or 0 for a constant column, which becomes 0 everywhere.
  let scale: [Double]

  init(mean: [Double], scale: [Double]) {
    self.mean = mean
    self.scale = scale
  }

  /// Measures the columns of samples with numbers of at most 1e300.
  ///
  /// A column that varies only in its last digits holds rounding errors and counts as constant.
  ///
  /// - Throws: ``TableError/Problem/tooSmall(columnName:deviation:)`` if the deviation of a column is too
  ///   small to be scaled to 1.
  init(of samples: Dataset) throws(TableError) {
    let x = samples.features.scalars(as: Double.self)
    let (rows, columns) = (Double(samples.count), samples.columns.features.count)
    var mean: [Double] = []
    var scale: [Double] = []
    for j in 0..<columns {
      let column = stride(from: j, to: x.count, by: columns).lazy.map { x[$0] }
      let (low, high) = column.reduce((x[j], x[j])) { (min($0.0, $1), max($0.1, $1)) }
      // Differences from the least value are nearly exact, even far from 0.
      let center = low + column.reduce(0) { $0 + ($1 - low) } / rows
      // Divided by the range, squares neither overflow nor vanish.
      let range = high - low
      let variance =
        column.reduce(0) { sum, x in sum + ((x - center) / range) * ((x - center) / range) } / rows
      let deviation = range * variance.squareRoot()
      mean.append(center)
      if range == 0 || deviation < 0x1p-40 * max(low.magnitude, high.magnitude) {
        scale.append(0)
      } else if deviation >= 1e-300 {
        scale.append(1 / deviation)
      } else {
        let name = samples.columns.name(samples.columns.features[j])
        throw TableError(samples.path, .tooSmall(columnName: name, deviation: deviation))
      }
    }
    (self.mean, self.scale) = (mean, scale)
  }

  /// Returns (x − mean) · scale, in Float32.
  func callAsFunction(_ features: Tensor) -> Tensor {
    let (mean, scale) = (
      Tensor(scalars: mean, shape: [mean.count]), Tensor(scalars: scale, shape: [scale.count])
    )
    return ((features - mean) * scale).converted(to: .float32)
  }
}
