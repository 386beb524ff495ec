import KernelInterface
import Tensors
import TestSupport
import Testing

/// A case for the tests of Adafactor's kernels: backend, types, shape, and the address of the elements.
struct AdafactorKernelCase: CustomTestStringConvertible, Sendable {
  let backend: Backend
  let gradient: ScalarType
  let arithmetic: ScalarType
  let rows: Int
  let columns: Int

  /// The number of elements between rows, which depends on the shape: none, one, or more than a vector.
  var gap: Int { [0, 1, 19][(rows + columns) % 3] }
  /// The offset in bytes of a gradient or parameter from a cache line, which depends on the shape: whole
  /// elements and parts of one.
  var byteOffset: Int { [0, 4, 1, 3, 8, 2][(rows * 7 + columns) % 6] }
  /// The scale, which is 1 or not a power of two.
  var scale: Double { (rows + columns) % 2 == 0 ? 1 : 1.0 / 3 }
  var seed: Int { rows * 10_007 + columns }

  /// The kernels for parameters of the arithmetic type and gradients of the case's type.
  var kernels: AdafactorKernels { backend.kernels.adafactor[arithmetic, gradient] }

  var testDescription: String {
    "\(backend.rawValue), \(gradient.rawValue) in \(arithmetic.rawValue), \(rows) × \(columns)"
  }

  /// The types of gradients that are not rounded. `ScalarTypeKernelTests` covers the others.
  private static let storedTypes: [ScalarType] = [.float32, .float64]
  /// The types that computations use.
  private static let arithmeticTypes: [ScalarType] = [.float32, .float64]

  private static let widths = [
    7, 8, 9, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025,
  ]

  /// More elements than a block: kernels prefetch such pieces, and process their chunks in another order.
  private static let largeShape = (23, 768)

  /// Empty, single, prime, around the sizes of vectors, tiles and sums, tall and wide; at most 64 rows.
  static let pieceShapes: [(Int, Int)] =
    [(0, 5), (0, 0), (5, 0), (1, 1), (2, 3), (13, 31), (31, 13), (64, 300), (63, 97), (5, 2053), largeShape]
    + widths.map { (1, $0) } + widths.map { (3, $0) } + [7, 8, 9, 31, 32, 33, 61, 64].map { ($0, 1) }

  /// The same shapes, and shapes with more rows than one sum may take.
  static let panelShapes: [(Int, Int)] =
    pieceShapes + [(65, 9), (127, 8), (128, 7), (129, 17), (512, 5), (513, 1), (511, 64)]

  /// A few of these shapes for the updates, which run in ten forms, around the segments of rows that they
  /// process.
  static let updateShapes =
    [
      (0, 5), (0, 0), (5, 0), (1, 1), (2, 3), (13, 31), (7, 1), (8, 1), (23, 7), (130, 5), (65, 9), (129, 5),
      (1, 2047), (1, 2049), largeShape,
    ]
    + [7, 8, 9, 31, 32, 33, 511, 512, 513].map { (2, $0) }

  /// Shapes of one row: empty, and around the sizes of vectors, tiles and sums.
  static let vectorShapes = pieceShapes.filter { $0.0 == 1 } + [(1, 0), (1, 16_411)]

  /// Returns every shape with every pair of types, for every implementation of these kernels.
  static func cases(
    _ shapes: [(Int, Int)], of entries: [PartialKeyPath<AdafactorKernels>] = []
  ) -> [AdafactorKernelCase] {
    Backend.implementing(entries).flatMap { backend in
      storedTypes.flatMap { gradient in
        arithmeticTypes.flatMap { arithmetic in
          shapes.map {
            AdafactorKernelCase(
              backend: backend, gradient: gradient, arithmetic: arithmetic, rows: $0.0, columns: $0.1)
          }
        }
      }
    }
  }

  // MARK: Data

  /// Returns a gradient of this case, and the oracle for it.
  func makeGradient() -> (elements: TestElements, oracle: AdafactorKernelOracle) {
    var numbers = TestNumbers(seed: seed)
    let values = (0..<rows * columns).map { _ in gradient.rounded(numbers.spread(Double.self)) }
    return (
      TestElements(values, gradient, rows: rows, columns: columns, gap: gap, byteOffset: byteOffset),
      AdafactorKernelOracle(rows: rows, columns: columns, gradient: values, scale: scale)
    )
  }

  /// Returns positive numbers that the arithmetic type represents exactly.
  func positives(_ count: Int, seed: Int) -> [Double] {
    var numbers = TestNumbers(seed: self.seed + seed)
    return (0..<count).map { _ in
      arithmetic.rounded(numbers.spread(Double.self).magnitude + 0.0625)
    }
  }

  /// Returns numbers of the arithmetic type for a kernel, at a multiple of their size but not at a cache
  /// line.
  func numbers(_ values: [Double]) -> TestElements {
    TestElements(values, arithmetic, byteOffset: byteOffset * arithmetic.byteCount)
  }

  /// Returns numbers that a kernel must write before it reads them: all are NaN.
  func unwritten(_ count: Int) -> TestElements {
    numbers([Double](repeating: .nan, count: count))
  }

  /// Returns an average at step 7 with an ε that is not negligible compared with the squares.
  func average(count: Int) -> MomentAverage {
    MomentAverage(decay: 0.78, weight: 0.22, epsilon: 1e-3, count: max(1, count))
  }
}
