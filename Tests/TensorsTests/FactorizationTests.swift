import Foundation
import KernelInterface
import Tensors
import TestSupport
import Testing

/// Tests factorizations on every backend against spectra that are known in closed form, and against their
/// definitions, computed in Double.
@Suite("Tensor: factorizations")
struct FactorizationTests {
  static let types: [ScalarType] = [.float32, .float64]
  /// Sizes around the widths of panels and of vectors.
  static let sizes = [0, 1, 2, 3, 8, 31, 33, 65]
  static let shapes: [Shape] = [
    [0, 0], [0, 3], [3, 0], [1, 1], [1, 5], [5, 1], [2, 3], [3, 2], [33, 33], [70, 9], [9, 70], [40, 65],
  ]

  /// Whether the kernels are optimized. In debug builds, large matrices would take minutes.
  static var isOptimized: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  // MARK: Eigenvalues

  @Test(arguments: Backend.available, types)
  func `Random symmetric matrices have accurate eigenvalues and eigenvectors`(
    backend: Backend, type: ScalarType
  ) throws {
    for size in Self.sizes { try checkEigh(random(size, size).symmetrized, type, backend) }
  }

  /// min(i, j) has the eigenvalues 1 / (4 sin²((2k − 1)π / (4n + 2))), and its Cholesky factor consists of
  /// ones.
  @Test(arguments: Backend.available, types)
  func `The factors of a matrix match the closed form`(backend: Backend, type: ScalarType) throws {
    let size = 40
    let a = Tensor(shape: [size, size], as: .float64) { Double(min($0 / size, $0 % size) + 1) }
    let exact = (1...size).reversed().map { k in
      1 / (4 * pow(sin(Double(2 * k - 1) * .pi / Double(4 * size + 2)), 2))
    }.sorted()
    let found = try checkEigh(a, type, backend).values.doubles
    expectAgreement("eigenvalues", found, exact) { _ in type.precision * exact.last! * 10 }

    let ones = Tensor(shape: [size, size], as: type) { $0 % size <= $0 / size ? 1 : 0 }
    let (factor, singularValues) = try Backend.withDefault(backend) {
      (try a.converted(to: type).cholesky(), try ones.svd().values.doubles)
    }
    expectAgreement("L", factor.doubles, ones.doubles) { _ in 40 * type.precision }
    #expect(factor.scalarType == type)
    let roots = exact.reversed().map { $0.squareRoot() }
    expectAgreement("singular values", singularValues, roots) { _ in type.precision * roots[0] * 10 }
  }

  /// Reflected diagonal matrices with repeated, zero, tiny, negative and large eigenvalues, and with all of
  /// them equal.
  @Test(
    arguments: Backend.available,
    [
      [-3, -3, -3, 0, 0, 1e-6, 1, 1, 2, 40], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 7],
      [1e-30, 1e-20, 1e-10, 1], [1e-30, 2e-30, 3e-30], [1e30, 2e30, 3e30], [-1, 1], [-2, -2, 1, 1, 1, 1],
    ] as [[Double]])
  func `Repeated, tiny, huge and zero eigenvalues are accurate`(backend: Backend, spectrum: [Double]) throws {
    for type in Self.types {
      let a = reflected(diagonal: spectrum)
      let found = try checkEigh(a, type, backend).values.doubles
      let largest = spectrum.map(\.magnitude).max()!
      expectAgreement("eigenvalues", found, spectrum.sorted()) { _ in 10 * type.precision * largest }
    }
  }

  @Test(arguments: Backend.available, types)
  func `Only the elements on and below the diagonal count`(backend: Backend, type: ScalarType) throws {
    let size = 9
    let symmetric = reflected(diagonal: (1...size).map(Double.init)).converted(to: type)
    let values = symmetric.doubles
    let lower = Tensor(shape: [size, size], as: type) { $0 % size <= $0 / size ? values[$0] : 99 }
    try Backend.withDefault(backend) {
      let (rows, factor) = (try symmetric.eigh().rows, try symmetric.cholesky())
      let (ofLower, factorOfLower) = (try lower.eigh().rows, try lower.cholesky())
      #expect(ofLower == rows)
      #expect(factorOfLower == factor)
    }
  }

  @Test(.enabled(if: isOptimized), arguments: Backend.available, types)
  func `Matrices of 1,000 × 1,000 are factored accurately`(backend: Backend, type: ScalarType) throws {
    let a = random(1000, 1000)
    try checkEigh(a.symmetrized, type, backend)
    try checkQR(a, type, backend)
    try checkSVD(a, type, backend)
    // After rounding to Float32, A Aᵀ itself would not be positive definite.
    var gram = Tensor(shape: [1000, 1000], as: .float64) { $0 % 1001 == 0 ? 1000 : 0 }
    gram.addSymmetricProduct(of: a)
    let factor = try Backend.withDefault(backend) { try gram.converted(to: type).cholesky() }
    expectEqual(factor.asDouble.symmetricProduct(), gram, within: 100 * type.precision * gram.largest, "L Lᵀ")
  }

  /// Returns the decomposition of a Float64 matrix in type `type`, and checks it in Float64.
  @discardableResult
  private func checkEigh(
    _ a: Tensor, _ type: ScalarType, _ backend: Backend
  ) throws -> SymmetricEigendecomposition {
    let size = a.shape[0]
    let found = try Backend.withDefault(backend) { try a.converted(to: type).eigh() }
    #expect(found.values.scalarType == type && found.rows.scalarType == type)
    #expect(found.values.shape == [size] && found.rows.shape == [size, size])
    #expect(found.vectors == found.rows.transposed())
    let values = found.values.doubles
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 }, "ascending")
    let tolerance = 10 * Double(max(10, size)).squareRoot() * type.precision
    let rows = found.rows.asDouble
    expectOrthonormalRows(rows, within: tolerance)
    let product = rows.matmul(rows.scaledRows(by: values), transposed: true)
    expectEqual(product, a, within: tolerance * a.largest * 3, "Q Λ Qᵀ")
    return found
  }

  // MARK: QR

  @Test(arguments: Backend.available, types)
  func `Matrices of any shape have an accurate QR factorization`(backend: Backend, type: ScalarType) throws {
    for shape in Self.shapes { try checkQR(random(shape[0], shape[1]), type, backend) }
    // Rank 1, and rank 0.
    try checkQR(
      Tensor(shape: [40, 36], as: .float64) { Double(1 + $0 / 36) * Double(1 + $0 % 36) / 99 }, type, backend)
    try checkQR(Tensor(zeros: [6, 4], as: .float64), type, backend)
    // Small and large columns: norms in Float32 would underflow and overflow.
    try checkQR(Tensor(shape: [5, 3], as: .float64) { Double($0 * $0 % 7) * 1e-25 }, type, backend)
    try checkQR(Tensor(shape: [5, 3], as: .float64) { Double($0 * $0 % 7) * 1e25 }, type, backend)
  }

  private func checkQR(_ a: Tensor, _ type: ScalarType, _ backend: Backend) throws {
    let (rows, columns) = (a.shape[0], a.shape[1])
    let rank = min(rows, columns)
    let found = try Backend.withDefault(backend) { try a.converted(to: type).qr() }
    #expect(found.q.shape == [rows, rank] && found.r.shape == [rank, columns])
    #expect(found.q.scalarType == type && found.r.scalarType == type)
    let (q, r) = (found.q.asDouble, found.r.asDouble)
    let tolerance = 10 * Double(max(10, rows + columns)).squareRoot() * type.precision
    expectOrthonormalRows(q.transposed(), within: tolerance)
    expectEqual(q.matmul(r), a, within: tolerance * a.largest * 3, "Q R")
    let values = r.doubles
    #expect(values.indices.allSatisfy { $0 % columns >= $0 / columns || values[$0] == 0 }, "upper triangle")

    let factor = try Backend.withDefault(backend) { try a.converted(to: type).orthogonalFactor() }
    #expect(factor.shape == [rows, rank] && factor.scalarType == type)
    expectOrthonormalRows(factor.asDouble.transposed(), within: tolerance)
    let triangle = factor.asDouble.matmul(a, transposed: true)
    let limit = tolerance * a.largest * 3
    let elements = triangle.doubles
    #expect(
      elements.indices.allSatisfy { $0 % columns >= $0 / columns || abs(elements[$0]) <= limit },
      "upper triangle")
    expectEqual(factor.asDouble.matmul(triangle), a, within: limit, "Q QᵀA")
  }

  /// This is the example of many textbooks, with numpy's signs.
  @Test(arguments: Backend.available, types)
  func `QR has LAPACK's signs`(backend: Backend, type: ScalarType) throws {
    let a = Tensor([12, -51, 4, 6, 167, -68, -4, 24, -41], shape: [3, 3]).converted(to: type)
    let zeros = Tensor(zeros: [3, 2], as: type)
    let (found, ofZeros) = try Backend.withDefault(backend) { (try a.qr(), try zeros.qr()) }
    expectAgreement("R", found.r.doubles, [-14, -21, 14, 0, -175, 70, 0, 0, -35]) { _ in 1000 * type.precision
    }
    #expect(ofZeros.q.doubles == [1, 0, 0, 1, 0, 0])
    #expect(ofZeros.r.doubles == [0, 0, 0, 0])
  }

  // MARK: Singular values

  @Test(arguments: Backend.available, types)
  func `Matrices of any shape have accurate singular values and vectors`(backend: Backend, type: ScalarType)
    throws
  {
    for shape in Self.shapes { try checkSVD(random(shape[0], shape[1]), type, backend) }
    for (rows, columns) in [(12, 9), (9, 12)] {
      // Rank 2, rank 0, and graded rows.
      try checkSVD(
        Tensor(shape: [rows, columns], as: .float64) {
          Double(1 + $0 / columns) * Double(1 + $0 % columns) + 3
        },
        type, backend)
      try checkSVD(Tensor(zeros: [rows, columns], as: .float64), type, backend)
      try checkSVD(
        random(rows, columns).scaledRows(by: (0..<rows).map { pow(10, Double(-2 * $0)) }), type, backend)
      try checkSVD(random(rows, columns).scaledRows(by: Array(repeating: 1e-25, count: rows)), type, backend)
      try checkSVD(random(rows, columns).scaledRows(by: Array(repeating: 1e30, count: rows)), type, backend)
    }
    // Equal singular values: an orthogonal matrix.
    try checkSVD(reflected(diagonal: Array(repeating: 1, count: 12)), type, backend)
  }

  private func checkSVD(_ a: Tensor, _ type: ScalarType, _ backend: Backend) throws {
    let (rows, columns) = (a.shape[0], a.shape[1])
    let rank = min(rows, columns)
    let found = try Backend.withDefault(backend) { try a.converted(to: type).svd() }
    #expect(found.u.shape == [rows, rank] && found.values.shape == [rank])
    #expect(found.vTransposed.shape == [rank, columns] && found.vTransposed.scalarType == type)
    let values = found.values.doubles
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 }, "descending")
    #expect(values.allSatisfy { $0 >= 0 })
    let tolerance = 10 * Double(max(10, rows + columns)).squareRoot() * type.precision
    let (u, v) = (found.u.asDouble, found.vTransposed.asDouble)
    expectOrthonormalRows(u.transposed(), within: tolerance)
    expectOrthonormalRows(v, within: tolerance)
    expectEqual(u.matmul(v.scaledRows(by: values)), a, within: tolerance * a.largest * 3, "U Σ Vᵀ")
  }

  // MARK: Agreement

  @Test(arguments: types)
  func `Backends agree up to signs`(type: ScalarType) throws {
    let (size, columns) = (24, 31)
    let (spread, a) = (
      reflected(diagonal: (1...size).map(Double.init)).converted(to: type), random(size, columns)
    )
    let results = try Backend.available.map { backend in
      try Backend.withDefault(backend) {
        (
          try spread.eigh(), try a.converted(to: type).qr(), try a.converted(to: type).svd(),
          try spread.cholesky()
        )
      }
    }
    let bound = 200 * type.precision
    for (eigh, qr, svd, cholesky) in results.dropFirst() {
      let first = results[0]
      // The differences between consecutive eigenvalues are 1.
      for (x, y) in [(eigh.rows, first.0.rows), (svd.vTransposed, first.2.vTransposed)] {
        let overlap = x.asDouble.matmul(y.asDouble, otherTransposed: true)
        for i in 0..<size { #expect((overlap[i, i].magnitude - 1).magnitude <= 1e3 * bound * bound + bound) }
      }
      for (name, x, y) in [
        ("eigenvalues", eigh.values, first.0.values), ("Q", qr.q, first.1.q), ("R", qr.r, first.1.r),
        ("singular values", svd.values, first.2.values), ("L", cholesky, first.3),
      ] {
        expectAgreement(name, x.doubles, y.doubles) { _ in bound * 30 }
      }
    }
  }

  // MARK: Errors

  @Test(arguments: Backend.available, [Double.nan, .infinity, -.infinity])
  func `An element that is not finite is an error that names it`(backend: Backend, value: Double) {
    for type in Self.types {
      var a = Tensor(ones: [4, 4], as: type)
      a[2, 1] = value
      Backend.withDefault(backend) {
        func isRefused(_ operation: String, _ body: () throws -> Void) {
          let error = #expect(throws: LinearAlgebraError.self) { try body() }
          guard case .nonFinite(operation, let element, 2, 1)? = error else {
            Issue.record("\(operation): \(String(describing: error))")
            return
          }
          #expect(element == value || element.isNaN && value.isNaN)
          #expect(error!.description.contains("[2, 1] is \(value)"))
        }
        isRefused("eigh") { _ = try a.eigh() }
        isRefused("qr") { _ = try a.qr() }
        isRefused("svd") { _ = try a.svd() }
        isRefused("cholesky") { _ = try a.cholesky() }
      }
    }
  }

  @Test(arguments: Backend.available, types)
  func `Elements with squares that overflow are accepted as finite`(backend: Backend, type: ScalarType) throws
  {
    let largest: Double = type == .float32 ? 1e38 : 1e300
    let values = try Backend.withDefault(backend) {
      try Tensor(shape: [2, 2], as: type) { [largest, 0, 0, -largest][$0] }.eigh().values.doubles
    }
    expectAgreement("eigenvalues", values, [-largest, largest]) { _ in largest * 4 * type.precision }
  }

  @Test(arguments: Backend.available, types)
  func `Cholesky names the first minor that is not positive`(backend: Backend, type: ScalarType) throws {
    for (spectrum, size) in [([1, 1, 0, 1], 3), ([-1], 1), ([0], 1)] as [([Double], Int)] {
      let count = spectrum.count
      let a = Tensor(shape: [count, count], as: type) { $0 % count == $0 / count ? spectrum[$0 % count] : 0 }
      Backend.withDefault(backend) { () -> Void in
        #expect(throws: LinearAlgebraError.notPositiveDefinite(minor: size, shape: a.shape)) {
          _ = try a.cholesky()
        }
      }
    }
    // In a later panel.
    let deep = Tensor(shape: [100, 100], as: type) { $0 % 101 == 0 ? ($0 == 80 * 101 ? -1 : 1) : 0 }
    Backend.withDefault(backend) { () -> Void in
      #expect(throws: LinearAlgebraError.notPositiveDefinite(minor: 81, shape: [100, 100])) {
        _ = try deep.cholesky()
      }
    }
  }

  @Test func `A matrix that is not square traps with its shape`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try Tensor(zeros: [2, 3]).eigh()
    }
    try expectMessage(of: result, toContain: "eigh", "[2, 3]")
  }

  /// No finite matrix is known on which LAPACK fails, so an entry that fails in Float replaces it.
  @Test func `An iteration that does not converge is repeated in Float64, and then throws an error`() throws {
    let all = Backend.default.kernels
    func table(_ eigh32: Bool, _ eigh64: Bool) -> KernelTable {
      var (kernels32, kernels64) = (all.factorizations32, all.factorizations64)
      if !eigh32 { kernels32.eigh = { _, _, _, _ in false } }
      if !eigh64 { kernels64.eigh = { _, _, _, _ in false } }
      return KernelTable(
        float32: all.float32, float64: all.float64, factorizations32: kernels32,
        factorizations64: kernels64, adafactor: all.adafactor, exactAdafactor: all.exactAdafactor,
        adamW: all.adamW, conversion: all.conversion)
    }
    let a = reflected(diagonal: [1, 2, 3, 4])
    var result = SymmetricEigendecomposition(values: Tensor(zeros: [0]), rows: Tensor(zeros: [0]))
    try a.converted(to: .float32).eigh(into: &result, on: table(false, true))
    #expect(result.rows.scalarType == .float32 && result.values.scalarType == .float32)
    expectAgreement("eigenvalues", result.values.doubles, [1, 2, 3, 4]) { _ in 1e-6 }
    for type in Self.types {
      #expect(throws: LinearAlgebraError.notConverged(operation: "eigh", shape: [4, 4])) {
        try a.converted(to: type).eigh(into: &result, on: table(false, false))
      }
    }
  }

  // MARK: Memory and types

  @Test(arguments: Backend.available, types)
  func `Outputs are written in place unless other tensors use their memory`(
    backend: Backend, type: ScalarType
  ) throws {
    try Backend.withDefault(backend) {
      let (a, b) = (reflected(diagonal: [1, 2, 3]), reflected(diagonal: [4, 5, 6]))
      var result = try a.converted(to: type).eigh()
      let memory = result.rows.memory
      try b.converted(to: type).eigh(into: &result)
      #expect(result.rows.memory == memory)
      let kept = result
      try a.converted(to: type).eigh(into: &result)
      #expect(result.rows.memory != memory)
      expectAgreement("kept", kept.values.doubles, [4, 5, 6]) { _ in 60 * type.precision }
    }
  }

  @Test(arguments: Backend.available)
  func `16-bit matrices are factored in Float32`(backend: Backend) throws {
    let a = reflected(diagonal: [1, 2, 4]).converted(to: .bfloat16)
    try Backend.withDefault(backend) {
      let wide = try a.converted(to: .float32).eigh()
      let found = try a.eigh()
      #expect(found.values == wide.values.converted(to: .bfloat16))
      #expect(found.rows == wide.rows.converted(to: .bfloat16))
    }
  }

  // MARK: Symmetric products

  @Test(arguments: Backend.available, ScalarType.allCases)
  func `The symmetric product is exact for every type, of rows and of columns`(
    backend: Backend, type: ScalarType
  ) {
    // Small whole numbers, which are exact in every type and order.
    let a = Tensor(shape: [3, 5], as: type) { Double($0 * $0 % 7) - 3 }
    Backend.withDefault(backend) {
      #expect(a.symmetricProduct() == a.matmul(a, otherTransposed: true))
      #expect(a.symmetricProduct(transposed: true) == a.matmul(a, transposed: true))
      var sum = Tensor(ones: [3, 3], as: type)
      sum.addSymmetricProduct(of: a, alpha: 2, beta: -1)
      let products = a.matmul(a, otherTransposed: true).doubles
      #expect(sum.doubles == products.map { 2 * $0 - 1 })
      #expect(Tensor(zeros: [0, 3], as: type).symmetricProduct().shape == [0, 0])
      #expect(Tensor(zeros: [2, 0], as: type).symmetricProduct() == Tensor(zeros: [2, 2], as: type))
    }
  }

  @Test func `A symmetric product of another size traps with both shapes`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var sum = Tensor(zeros: [3, 3])
      sum.addSymmetricProduct(of: Tensor(zeros: [2, 3]))
    }
    try expectMessage(of: result, toContain: "[2, 3]", "[2, 2]", "[3, 3]")
  }

  // MARK: Matrices

  private func random(_ rows: Int, _ columns: Int) -> Tensor {
    var generator = SeededGenerator(seed: UInt64(rows * 1009 + columns))
    return Tensor(normal: [rows, columns], as: .float64, using: &generator)
  }

  /// Returns H D H with the reflection H = I − 2vvᵀ/vᵀv, vᵢ = 1 + i mod 3.
  private func reflected(diagonal: [Double]) -> Tensor {
    let size = diagonal.count
    let v = (0..<size).map { Double(1 + $0 % 3) }
    let squares = v.reduce(0) { $0 + $1 * $1 }
    let h = Tensor(shape: [size, size], as: .float64) {
      ($0 / size == $0 % size ? 1 : 0) - 2 * v[$0 / size] * v[$0 % size] / squares
    }
    return h.matmul(h.scaledRows(by: diagonal))
  }
}

extension ScalarType {
  /// The distance from 1 to the next number.
  fileprivate var precision: Double { self == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne) }
}

extension Tensor {
  fileprivate var asDouble: Tensor { converted(to: .float64) }
  fileprivate var symmetrized: Tensor { 0.5 * (self + transposed()) }
  fileprivate var largest: Double {
    doubles.reduce(0) { max($0, $1.magnitude) } * Double(max(1, elementCount)).squareRoot().squareRoot()
  }

  fileprivate func scaledRows(by factors: [Double]) -> Tensor {
    let (values, columns) = (doubles, max(1, shape[1]))
    return Tensor(shape: shape, as: .float64) { factors[$0 / columns] * values[$0] }
  }
}

private func expectOrthonormalRows(
  _ rows: Tensor, within bound: Double, sourceLocation: SourceLocation = #_sourceLocation
) {
  let size = rows.shape[0]
  let identity = Tensor(shape: [size, size], as: .float64) { $0 / size == $0 % size ? 1 : 0 }
  expectEqual(
    rows.matmul(rows, otherTransposed: true), identity, within: bound, "Q Qᵀ", sourceLocation: sourceLocation)
}

private func expectEqual(
  _ found: Tensor, _ expected: Tensor, within bound: Double, _ name: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
  expectAgreement(
    "\(name) of \(expected.shape)", found.doubles, expected.doubles, sourceLocation: sourceLocation
  ) { _ in bound }
}
