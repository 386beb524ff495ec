import KernelInterface
import SwiftKernels
import Testing

@Suite("Kernels of every combination of scalar types")
struct ScalarTypeKernelTests {
  private let kernels = SwiftKernels()
  private let rows = 3
  private let columns = 11

  /// Numbers that every scalar type holds exactly.
  private var gradientValues: [Double] {
    (0..<rows * columns).map { index in
      let sixteenths = 2 * (index * 7 % 29 - 14) + 1
      return Double(sixteenths) / 16
    }
  }
  private var parameterValues: [Double] {
    (0..<rows * columns).map { index in
      let quarters = index * 5 % 23 - 11
      return Double(quarters) / 4
    }
  }

  @Test("Statistics of a gradient don't depend on the type that holds it", arguments: ScalarType.allCases)
  func gradientTypes(type: ScalarType) {
    for arithmetic in [ScalarType.float32, .float64] {
      let average = MomentAverage(decay: 0.5, weight: 0.5, epsilon: 1e-30, count: columns)
      func moments(_ type: ScalarType) -> [Double] {
        let gradient = Storage(gradientValues, type)
        let old = Storage(Array(repeating: 0.25, count: rows * columns), arithmetic)
        let new = Storage(Array(repeating: 0, count: columns), arithmetic)
        let partial = Storage(Array(repeating: 0, count: columns), arithmetic)
        let partialWeighted = Storage(Array(repeating: 0, count: columns), arithmetic)
        var columnSums = [Double](repeating: 0, count: columns)
        var weightedColumnSums = columnSums
        columnSums.withUnsafeMutableBufferPointer { total in
          weightedColumnSums.withUnsafeMutableBufferPointer { totalWeighted in
            kernels.rowStatistics(
              piece(gradient), average: average, old: old.elements.reading, new: new.elements,
              sums: ColumnSums(
                partial: partial.elements, partialWeighted: partialWeighted.elements,
                total: total.baseAddress!, totalWeighted: totalWeighted.baseAddress!, count: columns))
          }
        }
        let rowMoments = new.values
        var totals = [Double](repeating: 0, count: rows)
        var weightedTotals = totals
        kernels.panelStatistics(
          piece(gradient), average: average, old: old.elements.reading, new: new.elements, sums: &totals,
          weightedSums: &weightedTotals)
        let columnMoments = new.values
        var whole = piece(gradient)
        whole.rows = 1
        whole.columns = rows * columns
        let statistics = kernels.elementStatistics(whole, average: average, moments: old.elements.reading)
        return rowMoments + columnMoments + columnSums + weightedColumnSums + totals + weightedTotals
          + [statistics]
      }
      #expect(moments(type) == moments(arithmetic))
    }
  }

  @Test(
    "An update computes in the arithmetic type, whatever holds the gradient, and rounds what it stores once")
  func parameterAndGradientTypes() {
    for parameterType in ScalarType.allCases {
      let arithmetic = parameterType.arithmeticType
      for gradientType in ScalarType.allCases {
        // The same update of a parameter that nothing rounds but the arithmetic.
        let factored = updateFactored(parameterType, gradientType)
        let exactFactored = updateFactored(arithmetic, arithmetic)
        let elements = updateElements(parameterType, gradientType)
        let exactElements = updateElements(arithmetic, arithmetic)
        for (result, exact) in [(factored, exactFactored), (elements, exactElements)] {
          let rounded = Storage(exact.parameter, parameterType).values
          #expect(result.parameter == rounded, "\(parameterType) from \(gradientType)")
          #expect(result.squares.isClose(to: rounded.reduce(0) { $0 + $1 * $1 }))
        }
        let stored = Storage(factored.parameter, parameterType)
        let squares = kernels.sumOfSquares(
          stored.elements.reading, rows: rows, columns: columns, stride: columns)
        #expect(squares == factored.squares)
      }
    }
  }

  private func updateFactored(
    _ parameterType: ScalarType, _ gradientType: ScalarType
  ) -> (parameter: [Double], squares: Double) {
    let parameter = Storage(parameterValues, parameterType)
    let gradient = Storage(gradientValues, gradientType)
    let arithmetic = parameterType.arithmeticType
    let rowFactors = Storage((0..<rows).map { 0.01 / Double($0 + 1) }, arithmetic)
    let columnFactors = Storage((0..<columns).map { 1 / Double($0 + 3) }, arithmetic)
    let squares = kernels.updateFactored(
      parameter.elements, piece(gradient), rowFactors: rowFactors.elements.reading,
      columnFactors: columnFactors.elements.reading, change: ParameterChange(shrinkage: 0.01))
    return (parameter.values, squares)
  }

  private func updateElements(
    _ parameterType: ScalarType, _ gradientType: ScalarType
  ) -> (parameter: [Double], squares: Double) {
    let parameter = Storage(parameterValues, parameterType)
    let gradient = Storage(gradientValues, gradientType)
    let moments = Storage(Array(repeating: 0.3, count: rows * columns), parameterType.arithmeticType)
    var whole = piece(gradient)
    whole.rows = 1
    whole.columns = rows * columns
    let squares = kernels.updateElements(
      parameter.elements, whole, average: MomentAverage(decay: 0.9, weight: 0.1, epsilon: 1e-30, count: 1),
      moments: moments.elements, factor: 0.01, change: ParameterChange(shrinkage: 0))
    return (parameter.values, squares)
  }

  private func piece(_ gradient: Storage) -> GradientPiece {
    GradientPiece(gradient.elements.reading, scale: 0.5, rows: rows, columns: columns, stride: columns)
  }
}

extension Double {
  /// Within the error of a few sums in Float.
  fileprivate func isClose(to other: Double) -> Bool {
    abs(self - other) <= 16 * Double(Float.ulpOfOne) * abs(other)
  }
}

/// Elements of one scalar type in memory.
private final class Storage {
  let elements: MutableElements
  private let count: Int

  init(_ values: [Double], _ type: ScalarType) {
    count = values.count
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, count * type.byteCount), alignment: 8)
    elements = MutableElements(memory, type)
    for (index, value) in values.enumerated() {
      let address = elements.advanced(by: index).address
      switch type {
      case .bfloat16: address.storeBytes(of: BFloat16(value), as: BFloat16.self)
      case .float16: address.storeBytes(of: Float16(value), as: Float16.self)
      case .float32: address.storeBytes(of: Float(value), as: Float.self)
      case .float64: address.storeBytes(of: value, as: Double.self)
      }
    }
  }

  deinit { elements.address.deallocate() }

  var values: [Double] {
    (0..<count).map { index in
      let address = elements.advanced(by: index).address
      switch elements.type {
      case .bfloat16: return address.load(as: BFloat16.self).doubleValue
      case .float16: return address.load(as: Float16.self).doubleValue
      case .float32: return address.load(as: Float.self).doubleValue
      case .float64: return address.load(as: Double.self)
      }
    }
  }
}
