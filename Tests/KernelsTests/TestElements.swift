import Foundation
import KernelInterface
import Tensors

/// Elements in memory that a kernel reads and writes, at any address, between margins of NaN.
///
/// A kernel that reads beyond its piece gets NaN into a result. If it writes there, `marginsAreIntact` is
/// false.
final class TestElements {
  let type: ScalarType
  let rows: Int
  let columns: Int
  let stride: Int

  private let memory: UnsafeMutableRawBufferPointer
  private let start: UnsafeMutableRawPointer
  private let initialBytes: [UInt8]

  /// The number of elements on each side that no kernel may touch.
  private static let margin = 16

  /// Creates a matrix of `values`, row after row, rounded to `type`.
  ///
  /// - Parameters:
  ///   - gap: The number of elements between the end of a row and the start of the next.
  ///   - byteOffset: The offset in bytes of the first element from a cache line.
  init(
    _ values: [Double], _ type: ScalarType, rows: Int = 1, columns: Int? = nil, gap: Int = 0,
    byteOffset: Int = 0
  ) {
    self.type = type
    self.rows = rows
    self.columns = columns ?? values.count
    stride = self.columns + gap
    precondition(values.count == rows * self.columns)
    let size = type.byteCount
    memory = .allocate(byteCount: (rows * stride + 2 * Self.margin) * size + 64, alignment: 64)
    // With all bits set, every type is NaN.
    memory.initializeMemory(as: UInt8.self, repeating: 0xFF)
    start = memory.baseAddress! + Self.margin * size + byteOffset
    for row in 0..<rows {
      for column in 0..<self.columns {
        let (value, offset) = (values[row * self.columns + column], (row * stride + column) * size)
        switch type {
        case .bfloat16: start.storeBytes(of: BFloat16(value), toByteOffset: offset, as: BFloat16.self)
        case .float16: start.storeBytes(of: Float16(value), toByteOffset: offset, as: Float16.self)
        case .float32: start.storeBytes(of: Float(value), toByteOffset: offset, as: Float.self)
        case .float64: start.storeBytes(of: value, toByteOffset: offset, as: Double.self)
        }
      }
    }
    initialBytes = Array(memory)
  }

  deinit { memory.deallocate() }

  /// The elements, for a kernel to read.
  var reading: Elements { Elements(start, type) }

  /// The elements, for a kernel to write.
  var writing: MutableElements { MutableElements(start, type) }

  /// Returns the matrix as a piece of a gradient.
  func piece(scale: Double) -> GradientPiece {
    GradientPiece(reading, scale: scale, rows: rows, columns: columns, stride: stride)
  }

  /// The elements, row after row.
  var values: [Double] {
    var values: [Double] = []
    values.reserveCapacity(rows * columns)
    for row in 0..<rows {
      for column in 0..<columns { values.append(value(at: (row * stride + column) * type.byteCount)) }
    }
    return values
  }

  private func value(at offset: Int) -> Double {
    switch type {
    case .bfloat16: start.loadUnaligned(fromByteOffset: offset, as: BFloat16.self).doubleValue
    case .float16: start.loadUnaligned(fromByteOffset: offset, as: Float16.self).doubleValue
    case .float32: Double(start.loadUnaligned(fromByteOffset: offset, as: Float.self))
    case .float64: start.loadUnaligned(fromByteOffset: offset, as: Double.self)
    }
  }

  /// The bytes of everything, including margins.
  var bytes: [UInt8] { Array(memory) }

  /// Whether every byte is unchanged. Reading this after a call also keeps the memory alive until then.
  var isUnchanged: Bool { memcmp(memory.baseAddress!, initialBytes, memory.count) == 0 }

  /// Whether every byte outside the rows is unchanged.
  var marginsAreIntact: Bool {
    let first = start - memory.baseAddress!
    let (rowBytes, strideBytes) = (columns * type.byteCount, stride * type.byteCount)
    var gaps = [0..<first, first + rows * strideBytes..<memory.count]
    for row in 0..<rows {
      gaps.append(first + row * strideBytes + rowBytes..<first + (row + 1) * strideBytes)
    }
    return gaps.allSatisfy { memory[$0].allSatisfy { $0 == 0xFF } }
  }
}

/// Runs `body` with column sums that use these arrays as totals. The number of columns is the partial sums'.
func withColumnSums(
  _ partial: (plain: TestElements, weighted: TestElements), into totals: inout [Double],
  _ weightedTotals: inout [Double], _ body: (ColumnSums) -> Void
) {
  totals.withUnsafeMutableBufferPointer { totals in
    weightedTotals.withUnsafeMutableBufferPointer { weightedTotals in
      // No sum is at the address that represents an empty array's.
      let nowhere = UnsafeMutablePointer<Double>(bitPattern: 8)!
      body(
        ColumnSums(
          partial: partial.plain.writing, partialWeighted: partial.weighted.writing,
          total: totals.baseAddress ?? nowhere, totalWeighted: weightedTotals.baseAddress ?? nowhere,
          count: partial.plain.columns))
    }
  }
}

extension ScalarType {
  /// The unit roundoff of this type.
  var roundoff: Double {
    switch self {
    case .bfloat16: BFloat16.roundoff
    case .float16: Float16.roundoff
    case .float32: Float.roundoff
    case .float64: Double.roundoff
    }
  }

  /// Returns `value` rounded to this type.
  func rounded(_ value: Double) -> Double {
    switch self {
    case .bfloat16: BFloat16(value).doubleValue
    case .float16: Float16(value).doubleValue
    case .float32: Double(Float(value))
    case .float64: value
    }
  }
}
