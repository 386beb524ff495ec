import KernelInterface
import Tensors
import TestSupport
import Testing

/// Compares every implementation of every kernel of linear algebra with Double.
@Suite struct LinearAlgebraTests {
  /// Rows and columns: empty, single, prime, around the vector and block sizes, tall, wide.
  static let shapes: [(Int, Int)] =
    [
      (0, 5), (5, 0), (0, 0), (1, 1), (1, 7), (7, 1), (1, 513), (513, 1), (2, 3), (13, 31), (31, 13),
      (97, 101),
      (3, 1031), (1031, 3), (2, 4099), (4099, 2), (2, 8300), (64, 300),
    ]
    + [7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025].flatMap {
      [(3, $0), ($0, 5)]
    }

  @Test(arguments: Backend.implementing([\LinearAlgebraKernels<Float>.rowSums, \.columnSums]), shapes)
  func `Rows and columns have the sums of their elements and of their squares`(
    backend: Backend, shape: (Int, Int)
  ) {
    checkMatrixSums(backend.kernels.float32, shape.0, shape.1)
    checkMatrixSums(backend.kernels.float64, shape.0, shape.1)
  }

  private func checkMatrixSums<T: ArithmeticScalar>(
    _ kernels: LinearAlgebraKernels<T>, _ rows: Int, _ columns: Int
  ) {
    var numbers = TestNumbers(seed: rows * 10_007 + columns)
    // Offset by one element, because kernels must not rely on alignment.
    let x: [T] = numbers.spread(count: rows * columns + 1)
    func element(_ i: Int, _ j: Int, _ terms: SummedTerms) -> Double {
      let value = Double(x[i * columns + j + 1])
      return terms == .squares ? value * value : value
    }
    for terms in [SummedTerms.elements, .squares] {
      var rowSums = [T](repeating: .nan, count: rows)
      var columnSums = [T](repeating: .nan, count: columns)
      x.withUnsafeBufferPointer { x in
        rowSums.withUnsafeMutableBufferPointer { sums in
          kernels.rowSums(terms, x.baseAddress! + 1, rows, columns, sums.baseAddress!)
        }
        columnSums.withUnsafeMutableBufferPointer { sums in
          kernels.columnSums(terms, x.baseAddress! + 1, rows, columns, sums.baseAddress!)
        }
      }
      for i in 0..<rows {
        let (value, magnitude) = Oracle.sum((0..<columns).map { element(i, $0, terms) })
        let error = (Double(rowSums[i]) - value).magnitude
        #expect(error <= T.tolerance(count: columns, magnitude: magnitude), "row \(i), \(terms)")
      }
      for j in 0..<columns {
        let (value, magnitude) = Oracle.sum((0..<rows).map { element($0, j, terms) })
        let error = (Double(columnSums[j]) - value).magnitude
        #expect(error <= T.tolerance(count: rows, magnitude: magnitude), "column \(j), \(terms)")
      }
    }
  }

  static let counts = [
    0, 1, 2, 7, 8, 9, 31, 32, 33, 255, 256, 257, 511, 512, 513, 1025, 8191, 8192, 8193, 20_011,
  ]

  @Test(arguments: Backend.implementing([\LinearAlgebraKernels<Float>.sum, \.dot]), counts)
  func `The sum, dot product and sum of squares of a vector match Double`(backend: Backend, count: Int) {
    checkVectorSums(backend.kernels.float32, count)
    checkVectorSums(backend.kernels.float64, count)
  }

  private func checkVectorSums<T: ArithmeticScalar>(_ kernels: LinearAlgebraKernels<T>, _ count: Int) {
    var numbers = TestNumbers(seed: count)
    let (x, y): ([T], [T]) = (numbers.spread(count: count + 1), numbers.spread(count: count + 1))
    x.withUnsafeBufferPointer { xs in
      y.withUnsafeBufferPointer { ys in
        let (x, y) = (xs.baseAddress! + 1, ys.baseAddress! + 1)
        for (found, terms) in [
          (kernels.sum(x, count), (0..<count).map { Double(x[$0]) }),
          (kernels.dot(x, y, count), (0..<count).map { Double(x[$0]) * Double(y[$0]) }),
          (kernels.dot(x, x, count), (0..<count).map { Double(x[$0]) * Double(x[$0]) }),
        ] {
          let (value, magnitude) = Oracle.sum(terms)
          // The kernels add chunks in Double without compensation.
          let chunks = Double(count / KernelLimits.elementsPerSum + 1) * Double.roundoff * magnitude
          #expect((found - value).magnitude <= T.tolerance(count: count, magnitude: magnitude) + chunks)
        }
      }
    }
  }

  @Test(arguments: Backend.implementing([\LinearAlgebraKernels<Float>.columnSums, \.sum]))
  func `The sum of half a million equal numbers does not drift`(backend: Backend) {
    let kernels = backend.kernels.float32
    let (rows, columns) = (50_257, 10)
    let x = [Float](repeating: 0.1, count: rows * columns)
    var sums = [Float](repeating: 0, count: columns)
    let total = x.withUnsafeBufferPointer { x in
      sums.withUnsafeMutableBufferPointer { sums in
        kernels.columnSums(.elements, x.baseAddress!, rows, columns, sums.baseAddress!)
      }
      return kernels.sum(x.baseAddress!, x.count)
    }
    // Partial sums of a constant are all rounded in the same direction: at most 128 roundings of 2⁻²⁴ within
    // a chunk, four rows at a time. A single running sum of all rows has an error of 7e-5 here.
    let exact = Double(Float(0.1)) * Double(rows)
    for sum in sums { #expect((Double(sum) - exact).magnitude <= 1e-5 * exact) }
    #expect((total - exact * Double(columns)).magnitude <= 1e-5 * exact * Double(columns))
  }

  @Test(
    arguments: Backend.implementing([\LinearAlgebraKernels<Float>.scale, \.axpy, \.movingAverage]), counts)
  func `Scaling, axpy and the moving average of vectors match Double`(backend: Backend, count: Int) {
    checkVectorUpdates(backend.kernels.float32, count)
    checkVectorUpdates(backend.kernels.float64, count)
  }

  private func checkVectorUpdates<T: ArithmeticScalar>(_ kernels: LinearAlgebraKernels<T>, _ count: Int) {
    var numbers = TestNumbers(seed: count + 1)
    let (x, y): ([T], [T]) = (numbers.spread(count: count), numbers.spread(count: count))
    let (decay, weight): (T, T) = (0.875, -0.3)

    var scaled = y
    scaled.withUnsafeMutableBufferPointer { y in
      if let y = y.baseAddress { kernels.scale(y, count, weight) }
    }
    #expect(scaled == y.map { weight * $0 })

    var added = y
    var averaged = y
    x.withUnsafeBufferPointer { x in
      added.withUnsafeMutableBufferPointer { y in
        if let x = x.baseAddress, let y = y.baseAddress { kernels.axpy(weight, x, count, y) }
      }
      averaged.withUnsafeMutableBufferPointer { y in
        if let x = x.baseAddress, let y = y.baseAddress {
          kernels.movingAverage(y, count, decay, weight, x)
        }
      }
    }
    for i in 0..<count {
      // Two roundings of each product and one of the sum, or one with a fused multiply-add.
      let product = Double(weight) * Double(x[i])
      let sum = product + Double(y[i])
      #expect(
        (Double(added[i]) - sum).magnitude
          <= T.tolerance(count: 1, magnitude: product.magnitude + Double(y[i]).magnitude))
      let kept = Double(decay) * Double(y[i])
      #expect(
        (Double(averaged[i]) - (product + kept)).magnitude
          <= T.tolerance(count: 1, magnitude: product.magnitude + kept.magnitude))
    }
  }

  static let productShapes: [(Int, Int, Int)] = [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (1, 9, 5), (9, 1, 5), (4, 8, 1), (3, 7, 11), (4, 8, 256),
    (5, 9, 257),
    (13, 17, 19), (65, 33, 29), (7, 521, 13), (130, 5, 300), (31, 2, 600),
  ]

  @Test(arguments: Backend.implementing([\LinearAlgebraKernels<Float>.matmul]), productShapes)
  func `The matrix product matches Double, with each factor as stored or transposed`(
    backend: Backend, shape: (rows: Int, columns: Int, inner: Int)
  ) {
    checkProduct(backend.kernels.float32, shape.rows, shape.columns, shape.inner)
    checkProduct(backend.kernels.float64, shape.rows, shape.columns, shape.inner)
  }

  private func checkProduct<T: ArithmeticScalar>(
    _ kernels: LinearAlgebraKernels<T>, _ rows: Int, _ columns: Int, _ inner: Int
  ) {
    var numbers = TestNumbers(seed: rows + 1_000 * columns + 1_000_000 * inner)
    let a: [T] = numbers.spread(count: rows * inner + 1)
    let b: [T] = numbers.spread(count: inner * columns + 1)
    let c: [T] = numbers.spread(count: rows * columns + 1)
    let factors: [(alpha: T, beta: T)] = [(1, 0), (1, 1), (-0.5, 0.25), (0, 2)]
    for (transposesA, transposesB) in [(false, false), (false, true), (true, false), (true, true)] {
      let shape = ProductShape(
        rows: rows, columns: columns, inner: inner, transposesA: transposesA, transposesB: transposesB)
      let exact = Oracle.product(shape, a, b)
      for (alpha, beta) in factors {
        // If β is 0, the previous C must not matter.
        var found = beta == 0 ? [T](repeating: .nan, count: c.count) : c
        a.withUnsafeBufferPointer { a in
          b.withUnsafeBufferPointer { b in
            found.withUnsafeMutableBufferPointer { c in
              kernels.matmul(shape, alpha, a.baseAddress!, b.baseAddress!, beta, c.baseAddress!)
            }
          }
        }
        for (i, (value, magnitude)) in exact.enumerated() {
          let kept = beta == 0 ? 0 : Double(beta) * Double(c[i])
          let total = Double(alpha) * value + kept
          let scale = Double(alpha).magnitude * magnitude + kept.magnitude
          // There are no chunks here: every term may be rounded as often as there are terms.
          let tolerance = Double(inner + 4) * T.roundoff * scale + Double(T.leastNormalMagnitude)
          #expect((Double(found[i]) - total).magnitude <= tolerance, "\(shape), α = \(alpha), β = \(beta)")
        }
      }
    }
  }

  @Test(arguments: Backend.implementing([\LinearAlgebraKernels<Float>.matmul]))
  func `The matrix product of parts of larger matrices matches Double`(backend: Backend) {
    let kernels = backend.kernels.float64
    var numbers = TestNumbers(seed: 5)
    let a: [Double] = numbers.spread(count: 40 * 50)
    let b: [Double] = numbers.spread(count: 40 * 50)
    for (transposesA, transposesB) in [(false, false), (false, true), (true, false), (true, true)] {
      let shape = ProductShape(
        rows: 13, columns: 17, inner: 19, transposesA: transposesA, transposesB: transposesB, strideA: 31,
        strideB: 37, strideC: 23)
      var found = [Double](repeating: 7, count: 13 * 23)
      kernels.matmul(shape, 2, a, b, -1, &found)
      for i in 0..<13 {
        for j in 0..<23 {
          let terms = (0..<19).map { k in
            2 * (transposesA ? a[k * 31 + i] : a[i * 31 + k]) * (transposesB ? b[j * 37 + k] : b[k * 37 + j])
          }
          let (value, magnitude) = Oracle.sum(terms)
          let expected = j < 17 ? value - 7 : 7
          #expect((found[i * 23 + j] - expected).magnitude <= 40 * Double.roundoff * (magnitude + 7))
        }
      }
    }
  }

  @Test(
    arguments: Backend.implementing([\LinearAlgebraKernels<Float>.symmetricProduct]),
    [(0, 3), (3, 0), (1, 1), (1, 5), (9, 5), (33, 29), (130, 7)])
  func `The symmetric product matches Double, of rows and of columns`(
    backend: Backend, shape: (size: Int, inner: Int)
  ) {
    checkSymmetricProduct(backend.kernels.float32, shape.size, shape.inner)
    checkSymmetricProduct(backend.kernels.float64, shape.size, shape.inner)
  }

  private func checkSymmetricProduct<T: ArithmeticScalar>(
    _ kernels: LinearAlgebraKernels<T>, _ size: Int, _ inner: Int
  ) {
    var numbers = TestNumbers(seed: 1_000 * size + inner)
    let a: [T] = numbers.spread(count: size * inner + 1)
    let c: [T] = numbers.spread(count: size * size + 1)
    for transposed in [false, true] {
      let shape = ProductShape(symmetric: size, inner: inner, transposed: transposed)
      let exact = Oracle.product(shape, a, a)
      for (alpha, beta) in [(1, 0), (-0.5, 0.25), (0, 2)] as [(T, T)] {
        // If β is 0, the previous C must not matter. Above the diagonal, it never matters.
        var found = c
        for index in 0..<size * size where beta == 0 || index % size > index / size { found[index] = .nan }
        kernels.symmetricProduct(shape, alpha, a, beta, &found)
        for (index, (value, magnitude)) in exact.enumerated() {
          let (row, column) = (max(index / size, index % size), min(index / size, index % size))
          let kept = beta == 0 ? 0 : Double(beta) * Double(c[row * size + column])
          let scale = Double(alpha).magnitude * magnitude + kept.magnitude
          let tolerance = Double(inner + 4) * T.roundoff * scale + Double(T.leastNormalMagnitude)
          #expect((Double(found[index]) - (Double(alpha) * value + kept)).magnitude <= tolerance, "\(shape)")
          #expect(found[index] == found[column * size + row])
        }
      }
    }
  }

  @Test(arguments: [(1, 1), (2, 3), (3, 32), (5, 33), (4, 100)])
  func `Rotations of pairs of rows are applied one after the other`(rows: Int, columns: Int) {
    var numbers = TestNumbers(seed: rows + columns)
    let start: [Double] = numbers.spread(count: rows * columns)
    // Goes through all pairs, in both orders.
    let rotations = (0..<3 * rows).compactMap { step -> PlaneRotation<Double>? in
      let (first, second) = (step % rows, (step * 2 + 1) % rows)
      let angle = Double(step + 1) / 3
      return first == second
        ? nil : PlaneRotation(first: first, second: second, cosine: angle, sine: 1 - angle)
    }
    var expected = start
    for rotation in rotations {
      for j in 0..<columns {
        let (x, y) = (expected[rotation.first * columns + j], expected[rotation.second * columns + j])
        expected[rotation.first * columns + j] = rotation.cosine * x + rotation.sine * y
        expected[rotation.second * columns + j] = rotation.cosine * y - rotation.sine * x
      }
    }
    var found = start
    rotations.withUnsafeBufferPointer { Backend.swift.kernels.float64.rotateRows(&found, rows, columns, $0) }
    #expect(found == expected)
  }

  @Test(
    arguments: Backend.implementing([
      \LinearAlgebraKernels<Float>.rowSums, \.columnSums, \.sum, \.dot, \.scale, \.axpy, \.movingAverage,
    ]))
  func `NaN reaches the result, even if a factor is 0`(backend: Backend) {
    let kernels = backend.kernels.float32
    for count in [1, 8, 33, 600] {
      for position in [0, count / 2, count - 1] {
        var x = [Float](repeating: 1, count: count)
        x[position] = .nan
        let ones = [Float](repeating: 1, count: count)
        var scaled = x
        var added = ones
        var averaged = x
        var columnSums = ones
        var rowSum: Float = 0
        x.withUnsafeBufferPointer { x in
          scaled.withUnsafeMutableBufferPointer { kernels.scale($0.baseAddress!, count, 0) }
          added.withUnsafeMutableBufferPointer {
            kernels.axpy(0, x.baseAddress!, count, $0.baseAddress!)
          }
          averaged.withUnsafeMutableBufferPointer { y in
            ones.withUnsafeBufferPointer { ones in
              kernels.movingAverage(y.baseAddress!, count, 0, 1, ones.baseAddress!)
            }
          }
          columnSums.withUnsafeMutableBufferPointer {
            kernels.columnSums(.squares, x.baseAddress!, 1, count, $0.baseAddress!)
          }
          kernels.rowSums(.squares, x.baseAddress!, 1, count, &rowSum)
          #expect(kernels.sum(x.baseAddress!, count).isNaN)
          #expect(kernels.dot(x.baseAddress!, x.baseAddress!, count).isNaN)
        }
        #expect(rowSum.isNaN)
        for found in [scaled, added, averaged, columnSums] {
          #expect(found.indices.filter { found[$0].isNaN } == [position])
        }
      }
    }
  }
}
