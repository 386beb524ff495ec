#if OpenBLAS
  import KernelInterface
  import SwiftFactorizations

  /// Returns the kernels on OpenBLAS: the Swift kernels, with the entries that BLAS has replaced.
  ///
  /// AdamW has no overrides: BLAS has neither roots nor quotients, and its moving averages would not be
  /// faster. `scal` and `axpy` on pieces in the first-level cache take 6.2 µs for the averages of 16,384
  /// elements. The complete pass takes 13.8 µs, or 6.0 µs compiled for AVX2, and most of that time goes into
  /// roots and quotients.
  ///
  /// - Parameter swift: The Swift kernels that suit the processor.
  package func openBLASKernels(over swift: KernelTable) -> KernelTable {
    let float32 = replacing(linearAlgebraOverrides(swift.float32), in: swift.float32)
    let float64 = replacing(linearAlgebraOverrides(swift.float64), in: swift.float64)
    return KernelTable(
      float32: float32, float64: float64,
      factorizations32: replacing(
        factorizationOverrides(swift.factorizations32, onBLAS: .swift(on: float32)),
        in: swift.factorizations32),
      factorizations64: replacing(
        factorizationOverrides(swift.factorizations64, onBLAS: .swift(on: float64)),
        in: swift.factorizations64),
      adafactor: PerTypePair {
        replacing(adafactorOverrides(swift, $0, $1), in: swift.adafactor[$0, $1])
      }, exactAdafactor: swift.exactAdafactor, adamW: swift.adamW, conversion: swift.conversion,
      productThreads: openBLASThreads)
  }

  /// Returns the entries of Adafactor that BLAS has: sums on `gemv`, moving averages on `scal` and `axpy`.
  ///
  /// BLAS has no squares, quotients or roots, and tensors that are not factored need nothing else. The update
  /// is one pass in Swift: `axpy` by rows first needs B G in memory and leaves Σ p² to a third pass, which
  /// took 1.8 times as long.
  package func adafactorOverrides(
    _ swift: KernelTable, _ parameter: ScalarType, _ gradient: ScalarType
  ) -> [KernelOverride<AdafactorKernels>] {
    let kernels = swift.adafactor[parameter, gradient]
    return parameter.arithmeticType == .float64
      ? adafactorOverrides(MomentsOnBLAS(swift: kernels, vectors: LinearAlgebraOnBLAS(swift: swift.float64)))
      : adafactorOverrides(MomentsOnBLAS(swift: kernels, vectors: LinearAlgebraOnBLAS(swift: swift.float32)))
  }

  private func adafactorOverrides<A: BLASScalar>(
    _ blas: MomentsOnBLAS<A>
  ) -> [KernelOverride<AdafactorKernels>] {
    [
      KernelOverride(\.rowStatistics) { blas.rowStatistics($0, average: $1, old: $2, new: $3, sums: $4) },
      KernelOverride(\.panelStatistics) {
        blas.panelStatistics($0, average: $1, old: $2, new: $3, sums: $4, weightedSums: $5)
      },
      KernelOverride(\.rowMoments) { blas.rowMoments($0, average: $1, old: $2, new: $3) },
      KernelOverride(\.columnMoments) { blas.columnMoments($0, average: $1, old: $2, new: $3) },
      KernelOverride(\.finishMoments) {
        blas.finishMoments(average: $0, old: $1, new: $2, sums: $3, weightedSums: $4, count: $5)
      },
    ]
  }

  /// Returns the entries of linear algebra that BLAS has.
  package func linearAlgebraOverrides<Scalar: BLASScalar>(
    _ swift: LinearAlgebraKernels<Scalar>
  ) -> [KernelOverride<LinearAlgebraKernels<Scalar>>] {
    let blas = LinearAlgebraOnBLAS(swift: swift)
    return [
      KernelOverride(\.rowSums) { blas.rowSums(of: $0, $1, rows: $2, columns: $3, into: $4) },
      KernelOverride(\.columnSums) { blas.columnSums(of: $0, $1, rows: $2, columns: $3, into: $4) },
      KernelOverride(\.sum) { blas.sum($0, count: $1) },
      KernelOverride(\.dot) { blas.dot($0, $1, count: $2) },
      KernelOverride(\.scale) { blas.scale($0, count: $1, by: $2) },
      KernelOverride(\.axpy) { blas.axpy($0, $1, count: $2, onto: $3) },
      KernelOverride(\.movingAverage) {
        blas.movingAverage($0, count: $1, decay: $2, weight: $3, of: $4)
      },
      KernelOverride(\.matmul) { blas.matmul($0, alpha: $1, $2, $3, beta: $4, into: $5) },
      KernelOverride(\.symmetricProduct) { blas.symmetricProduct($0, alpha: $1, $2, beta: $3, into: $4) },
    ]
  }

  /// Returns all factorizations. LAPACK has them, except the orthogonal factor, which is Swift's with the
  /// products of BLAS.
  ///
  /// LAPACK's QR calls OpenBLAS for each column, and OpenBLAS wakes its threads for most of these calls. A
  /// matrix of 1024 × 1024 takes at least 160 ms on two threads, and 75 ms on one.
  package func factorizationOverrides<Scalar: LAPACKScalar>(
    _ swift: FactorizationKernels<Scalar>, onBLAS: FactorizationKernels<Scalar>
  ) -> [KernelOverride<FactorizationKernels<Scalar>>] {
    let lapack = FactorizationsOnLAPACK(swift: swift)
    return [
      KernelOverride(\.eigh) { lapack.eigh($0, size: $1, eigenvalues: $2, eigenvectors: $3) },
      KernelOverride(\.qr) { lapack.qr($0, rows: $1, columns: $2, q: $3, r: $4) },
      KernelOverride(\.orthogonalFactor, onBLAS.orthogonalFactor),
      KernelOverride(\.svd) {
        lapack.svd($0, rows: $1, columns: $2, u: $3, singularValues: $4, vTransposed: $5)
      },
      KernelOverride(\.cholesky) { lapack.cholesky($0, size: $1, factor: $2) },
    ]
  }

  /// Returns `kernels` with the entries of `overrides` replaced.
  private func replacing<Kernels>(_ overrides: [KernelOverride<Kernels>], in kernels: Kernels) -> Kernels {
    var kernels = kernels
    for replace in overrides { replace(&kernels) }
    return kernels
  }
#endif
