import Foundation
import KernelInterface
import Tensors

/// Elements in memory for a kernel to read and write, at any address, between margins of NaN.
///
/// A kernel that reads beyond its piece brings NaN into a result; one that writes there is seen by `marginsAreIntact`.
final class TestElements {
  let type: ScalarType
  let rows: Int
  let columns: Int
  let stride: Int

  private let memory: UnsafeMutableRawBufferPointer
  private let start: UnsafeMutableRawPointer
  private let initialBytes: [UInt8]

  /// Elements on each side that no kernel may touch.
  private static let margin = 16

  /// A matrix of `values`, row after row, rounded to `type`.
  ///
  /// - Parameters:
  ///   - gap: Elements between the end of a row and the start of the next.
  ///   - byteOffset: Bytes from a cache line to the first element.
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
    // All bits set are a NaN in every type.
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

  /// For a kernel to read.
  var reading: Elements { Elements(start, type) }

  /// For a kernel to write.
  var writing: MutableElements { MutableElements(start, type) }

  /// The matrix as a piece of a gradient.
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

  /// The bytes of everything, margins included.
  var bytes: [UInt8] { Array(memory) }

  /// Whether every byte is as it was. Asked after a call, it also keeps the memory until then.
  var isUnchanged: Bool { memcmp(memory.baseAddress!, initialBytes, memory.count) == 0 }

  /// Whether every byte outside of the rows is as it was.
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

/// Runs `body` with column sums whose totals are these arrays; the number of columns is the partial sums'.
func withColumnSums(
  _ partial: (plain: TestElements, weighted: TestElements), into totals: inout [Double],
  _ weightedTotals: inout [Double], _ body: (ColumnSums) -> Void
) {
  totals.withUnsafeMutableBufferPointer { totals in
    weightedTotals.withUnsafeMutableBufferPointer { weightedTotals in
      // No sum lies at the address that stands for an empty array's.
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

  /// `value` rounded to this type.
  func rounded(_ value: Double) -> Double {
    switch self {
    case .bfloat16: BFloat16(value).doubleValue
    case .float16: Float16(value).doubleValue
    case .float32: Double(Float(value))
    case .float64: value
    }
  }
}
