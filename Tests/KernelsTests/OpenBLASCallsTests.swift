#if OpenBLAS
  import CBLASCounter
  import KernelInterface
  import OpenBLASKernels
  import Optimizers
  import Tensors
  import TestSupport
  import Testing

  /// Tests that OpenBLAS is called by the kernels that it should compute, and never on the Swift backend.
  @Suite struct OpenBLASCallsTests {
    /// A routine of cblas or LAPACK.
    enum Routine: CaseIterable, Sendable {
      case gemv, axpy, scal, dot, gemm, syrk
      case syevd, gelqf, orglq, gesdd, potrf

      fileprivate var counter: CBLASRoutine {
        switch self {
        case .gemv: CBLASRoutineGemv
        case .axpy: CBLASRoutineAxpy
        case .scal: CBLASRoutineScal
        case .dot: CBLASRoutineDot
        case .gemm: CBLASRoutineGemm
        case .syrk: CBLASRoutineSyrk
        case .syevd: CBLASRoutineSyevd
        case .gelqf: CBLASRoutineGelqf
        case .orglq: CBLASRoutineOrglq
        case .gesdd: CBLASRoutineGesdd
        case .potrf: CBLASRoutinePotrf
        }
      }
    }

    /// Returns the routines that this thread calls in `body`.
    private static func routines(calledIn body: () throws -> Void) rethrows -> Set<Routine> {
      func calls() -> [Int] { Routine.allCases.map { cblas_counter_calls($0.counter) } }
      let before = calls()
      try body()
      let after = calls()
      return Set(Routine.allCases.indices.filter { after[$0] > before[$0] }.map { Routine.allCases[$0] })
    }

    // MARK: Overrides

    /// The routines that each kernel of Adafactor calls, if OpenBLAS overrides it.
    private static var adafactor: [PartialKeyPath<AdafactorKernels>: Set<Routine>] {
      [
        \.rowStatistics: [.gemv, .scal, .axpy], \.panelStatistics: [.gemv, .scal, .axpy],
        \.rowMoments: [.gemv, .scal, .axpy], \.columnMoments: [.gemv, .scal, .axpy],
        \.finishMoments: [.scal, .axpy],
      ]
    }

    /// Returns the routines that each kernel of linear algebra calls, if OpenBLAS overrides it.
    private static func linearAlgebra<Scalar: ArithmeticScalar>(
      _: Scalar.Type
    ) -> [PartialKeyPath<LinearAlgebraKernels<Scalar>>: Set<Routine>] {
      [
        \.rowSums: [.gemv], \.columnSums: [.gemv], \.sum: [.gemv], \.dot: [.dot], \.scale: [.scal],
        \.axpy: [.axpy], \.movingAverage: [.scal, .axpy], \.matmul: [.gemm], \.symmetricProduct: [.syrk],
      ]
    }

    @Test(arguments: ScalarType.allCases, ScalarType.allCases)
    func `OpenBLAS overrides these kernels of Adafactor, which call it`(
      parameter: ScalarType, gradient: ScalarType
    ) {
      let overrides = adafactorOverrides(SwiftKernelChoice.kernels, parameter, gradient)
      #expect(Set(overrides.map(\.entry)) == Set(Self.adafactor.keys))
      #expect(overrides.count == Self.adafactor.count, "an entry is overridden twice")
      for (entry, routines) in Self.adafactor {
        let call = AdafactorCall(entry, parameter: parameter, gradient: gradient)
        #expect(Self.routines { call.run(on: .openBLAS) } == routines, "\(entry)")
        #expect(Self.routines { call.run(on: .swift) } == [], "\(entry)")
      }
    }

    @Test func `OpenBLAS overrides these kernels of linear algebra, which call it`() {
      checkLinearAlgebra(linearAlgebraOverrides(SwiftKernelChoice.kernels.float32))
      checkLinearAlgebra(linearAlgebraOverrides(SwiftKernelChoice.kernels.float64))
    }

    private func checkLinearAlgebra<Scalar: ArithmeticScalar>(
      _ overrides: [KernelOverride<LinearAlgebraKernels<Scalar>>]
    ) {
      let expected = Self.linearAlgebra(Scalar.self)
      #expect(Set(overrides.map(\.entry)) == Set(expected.keys), "\(Scalar.self)")
      #expect(overrides.count == expected.count, "an entry is overridden twice")
      for (entry, routines) in expected {
        #expect(
          Self.routines { call(entry, Scalar.linearAlgebra(of: Backend.openBLAS.kernels)) } == routines,
          "\(entry)")
        #expect(
          Self.routines { call(entry, Scalar.linearAlgebra(of: Backend.swift.kernels)) } == [], "\(entry)")
      }
    }

    /// Calls one kernel of linear algebra on a matrix of 40 × 300.
    private func call<Scalar: ArithmeticScalar>(
      _ entry: PartialKeyPath<LinearAlgebraKernels<Scalar>>, _ kernels: LinearAlgebraKernels<Scalar>
    ) {
      let (rows, columns) = (40, 300)
      let count = rows * columns
      var x = [Scalar](repeating: 0.5, count: count)
      var y = x
      switch entry {
      case \.rowSums: kernels.rowSums(.elements, x, rows, columns, &y)
      case \.columnSums: kernels.columnSums(.squares, x, rows, columns, &y)
      case \.sum: _ = kernels.sum(x, count)
      case \.dot: _ = kernels.dot(x, y, count)
      case \.scale: kernels.scale(&x, count, 2)
      case \.axpy: kernels.axpy(2, x, count, &y)
      case \.movingAverage: kernels.movingAverage(&y, count, 0.5, 0.5, x)
      case \.matmul: kernels.matmul(ProductShape(rows: 10, columns: 20, inner: 30), 1, x, x, 0, &y)
      case \.symmetricProduct: kernels.symmetricProduct(ProductShape(symmetric: 20, inner: 30), 1, x, 0, &y)
      default: Issue.record("no call of \(entry)")
      }
    }

    // MARK: LAPACK

    @Test func `OpenBLAS overrides all factorizations, which call LAPACK`() {
      let (float, double) = (
        SwiftKernelChoice.kernels.factorizations32, SwiftKernelChoice.kernels.factorizations64
      )
      checkFactorizations(factorizationOverrides(float, onBLAS: float))
      checkFactorizations(factorizationOverrides(double, onBLAS: double))
    }

    private func checkFactorizations<Scalar: ArithmeticScalar>(
      _ overrides: [KernelOverride<FactorizationKernels<Scalar>>]
    ) {
      let expected: [PartialKeyPath<FactorizationKernels<Scalar>>: Set<Routine>] = [
        \.eigh: [.syevd], \.qr: [.gelqf, .orglq], \.orthogonalFactor: [.gemm, .dot], \.svd: [.gesdd],
        \.cholesky: [.potrf],
      ]
      #expect(Set(overrides.map(\.entry)) == Set(expected.keys), "\(Scalar.self)")
      #expect(overrides.count == expected.count, "an entry is overridden twice")
      for (entry, routines) in expected {
        #expect(
          Self.routines { factorize(entry, Scalar.factorizations(of: Backend.openBLAS.kernels)) } == routines,
          "\(entry)")
        #expect(
          Self.routines { factorize(entry, Scalar.factorizations(of: Backend.swift.kernels)) } == [],
          "\(entry)")
      }
    }

    /// Calls one factorization of the 3 × 3 identity.
    private func factorize<Scalar: ArithmeticScalar>(
      _ entry: PartialKeyPath<FactorizationKernels<Scalar>>, _ kernels: FactorizationKernels<Scalar>
    ) {
      let a: [Scalar] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
      var (x, y, z) = (a, a, a)
      switch entry {
      case \.eigh: _ = kernels.eigh(a, 3, &x, &y)
      case \.qr: kernels.qr(a, 3, 3, &x, &y)
      case \.orthogonalFactor: kernels.orthogonalFactor(a, 3, 3, &x)
      case \.svd: _ = kernels.svd(a, 3, 3, &x, &y, &z)
      case \.cholesky: _ = kernels.cholesky(a, 3, &x)
      default: Issue.record("no call of \(entry)")
      }
    }

    @Test func `The loaded LAPACK is OpenBLAS's`() {
      let library = String(cString: cblas_counter_lapack())
      #expect(!library.isEmpty, "no LAPACK is loaded")
      // Another LAPACK is correct but several times slower.
      if !library.contains("openblas") {
        print(
          "warning: the program uses the LAPACK in \(library), not OpenBLAS's: see update-alternatives "
            + "--list liblapack.so.3"
        )
      }
    }

    // MARK: Steps

    /// Rows in blocks, a panel of the fewest rows for which gemv is called, and a whole matrix.
    @Test(arguments: [[600, 64], [4, 20_000], [30, 50]] as [Shape])
    func `A step of Adafactor calls OpenBLAS only on its backend`(shape: Shape) throws {
      #expect(try routinesOfAStep(shape, on: .openBLAS).isSuperset(of: [.gemv, .scal, .axpy]))
      #expect(try routinesOfAStep(shape, on: .swift) == [])
    }

    private func routinesOfAStep(_ shape: Shape, on backend: Backend) throws -> Set<Routine> {
      var generator = SeededGenerator(seed: 1)
      let parameter = Parameter("p", Tensor(normal: shape, using: &generator))
      let optimizer = try Adafactor([parameter], backend: backend, threads: 1)
      parameter.gradient = Tensor(normal: shape, using: &generator)
      // β is 0 at the first step, which therefore scales in Swift.
      try optimizer.step()
      parameter.gradient = Tensor(normal: shape, using: &generator)
      return try Self.routines { try optimizer.step() }
    }

    @Test func `OpenBLAS's process-wide thread setting is unchanged`() throws {
      let before = cblas_counter_threads()
      for entry in Self.adafactor.keys {
        AdafactorCall(entry, parameter: .float32, gradient: .float32).run(on: .openBLAS)
      }
      for entry in Self.linearAlgebra(Float.self).keys { call(entry, Backend.openBLAS.kernels.float32) }
      #expect(cblas_counter_threads() == before)
    }
  }

  /// A call of one overridden kernel of Adafactor, on a matrix of 40 × 300.
  private struct AdafactorCall {
    private let entry: PartialKeyPath<AdafactorKernels>
    private let parameter: ScalarType
    private let gradient: ScalarType
    private let rows = 40
    private let columns = 300

    init(_ entry: PartialKeyPath<AdafactorKernels>, parameter: ScalarType, gradient: ScalarType) {
      (self.entry, self.parameter, self.gradient) = (entry, parameter, gradient)
    }

    func run(on backend: Backend) {
      let kernels = backend.kernels.adafactor[parameter, gradient]
      let ones = [Double](repeating: 1, count: rows * columns)
      let elements = TestElements(ones, gradient, rows: rows, columns: columns)
      let piece = elements.piece(scale: 1)
      let average = MomentAverage(decay: 0.5, weight: 0.5, epsilon: 1e-30, count: columns)
      func moments() -> TestElements {
        TestElements(Array(ones[..<columns]), parameter.arithmeticType)
      }
      let (old, new, partial, partialWeighted) = (moments(), moments(), moments(), moments())
      var (sums, weightedSums) = (ones, ones)
      switch entry {
      case \.rowStatistics:
        withColumnSums((partial, partialWeighted), into: &sums, &weightedSums) {
          kernels.rowStatistics(piece, average, old.reading, new.writing, $0)
        }
      case \.panelStatistics:
        _ = kernels.panelStatistics(piece, average, old.reading, new.writing, &sums, &weightedSums)
      case \.rowMoments: kernels.rowMoments(piece, average, old.reading, new.writing)
      case \.columnMoments: kernels.columnMoments(piece, average, old.reading, new.writing)
      case \.finishMoments:
        _ = kernels.finishMoments(average, old.reading, new.writing, sums, weightedSums, columns)
      default: Issue.record("no call of \(entry)")
      }
      withExtendedLifetime((elements, old, new, partial, partialWeighted)) {}
    }
  }
#endif
