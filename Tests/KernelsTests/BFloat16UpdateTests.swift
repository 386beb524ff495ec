import KernelInterface
import Tensors
import TestSupport
import Testing

/// Tests the update of BFloat16 parameters from BFloat16 gradients bit by bit. No backend overrides it.
@Suite struct BFloat16UpdateTests {
  /// Groups of sixteen columns and other numbers, more than a chunk, and more than the stored column factors.
  static let shapes: [(rows: Int, columns: Int)] = [
    (1, 16), (5, 32), (3, 48), (7, 15), (4, 24), (1, 1), (2, 528), (33, 64), (3, 4096), (3, 4112), (2, 8176),
    (0, 16),
  ]

  @Test(arguments: shapes)
  func `Each element is computed in Float and rounded once`(rows: Int, columns: Int) {
    for (shrinkage, scale) in [(Float(0), Float(1)), (0.0625, 1.0 / 3)] {
      let matrix = BFloat16Matrix(rows: rows, columns: columns, finite: true)
      let squares = matrix.update(scale: scale, shrinkage: shrinkage)
      #expect(matrix.mismatches == [])
      #expect(
        squares == matrix.sumOfSquares(), "the sum of squares must have the same bits as a recomputed sum")
    }
  }

  @Test(arguments: shapes)
  func `Parameter and gradient may have any bits`(rows: Int, columns: Int) {
    let matrix = BFloat16Matrix(rows: rows, columns: columns, finite: false)
    _ = matrix.update(scale: 1, shrinkage: 0)
    #expect(matrix.mismatches == [])
  }

  /// A carry in rounding must not turn a NaN into a number.
  @Test(arguments: [Float(bitPattern: 0x7FFF_FFFF), Float(bitPattern: 0xFFFF_8001), .nan])
  func `A NaN among the factors stays NaN, for any bits`(nan: Float) {
    for (row, column) in [(1, nil), (nil, 37), (nil, 0), (2, 63)] as [(Int?, Int?)] {
      let matrix = BFloat16Matrix(rows: 3, columns: 64, finite: true)
      if let row { matrix.rowFactors[row] = nan }
      if let column { matrix.columnFactors[column] = nan }
      _ = matrix.update(scale: 1, shrinkage: 0)
      #expect(matrix.mismatches == [])
    }
  }
}

/// A parameter and its gradient between margins, their factors, and the expected result of an update.
private final class BFloat16Matrix {
  let rows: Int
  let columns: Int
  /// The distance between rows, with an odd number of elements after each row, so that rows have any
  /// alignment.
  private let stride: Int
  private let margin = 16
  private let kernels = Backend.swift.kernels.adafactor[.bfloat16, .bfloat16]
  private var parameter: [BFloat16]
  private let gradient: [BFloat16]
  private var expected: [BFloat16] = []
  var rowFactors: [Float]
  var columnFactors: [Float]

  /// - Parameter finite: Whether numbers have ordinary sizes. Otherwise, they have any bits.
  init(rows: Int, columns: Int, finite: Bool) {
    self.rows = rows
    self.columns = columns
    stride = columns + 3
    var numbers = TestNumbers(seed: rows * 10_007 + columns)
    func elements(_ count: Int) -> [BFloat16] {
      (0..<count).map { _ in
        let number = numbers.spread(Double.self)
        return finite
          ? BFloat16(Float(number))
          : BFloat16(bitPattern: UInt16(truncatingIfNeeded: number.bitPattern >> 20))
      }
    }
    let count = rows * stride + 2 * margin
    parameter = elements(count)
    gradient = elements(count)
    rowFactors = (0..<rows).map { _ in Float(numbers.spread(Double.self).magnitude) }
    columnFactors = (0..<columns).map { _ in Float(numbers.spread(Double.self).magnitude) }
  }

  /// Lets the kernel update the parameter, and returns its sum of squares.
  func update(scale: Float, shrinkage: Float) -> Double {
    expected = parameter
    for row in 0..<rows {
      for column in 0..<columns {
        let index = margin + row * stride + column
        let update = rowFactors[row] * (columnFactors[column] * (scale * Float(gradient[index])))
        let old = Float(parameter[index])
        expected[index] = BFloat16((shrinkage == 0 ? old : old - shrinkage * old) - update)
      }
    }
    return parameter.withUnsafeMutableBytes { parameter in
      gradient.withUnsafeBytes { gradient in
        rowFactors.withUnsafeBytes { rowFactors in
          columnFactors.withUnsafeBytes { columnFactors in
            kernels.updateFactored(
              MutableElements(parameter.baseAddress! + 2 * margin, .bfloat16),
              GradientPiece(
                Elements(gradient.baseAddress! + 2 * margin, .bfloat16), scale: Double(scale), rows: rows,
                columns: columns, stride: stride),
              Elements(rowFactors.baseAddress ?? gradient.baseAddress!, .float32),
              Elements(columnFactors.baseAddress!, .float32),
              ParameterChange(shrinkage: Double(shrinkage)))
          }
        }
      }
    }
  }

  func sumOfSquares() -> Double {
    parameter.withUnsafeBytes {
      kernels.sumOfSquares(Elements($0.baseAddress! + 2 * margin, .bfloat16), rows, columns, stride)
    }
  }

  /// The indices, including margins, of elements that differ from the expected ones. The bits of NaN don't
  /// matter.
  var mismatches: [Int] {
    expected.indices.filter { index in
      let (result, expected) = (parameter[index], expected[index])
      return result.bitPattern != expected.bitPattern && !(result.isNaN && expected.isNaN)
    }
  }
}
