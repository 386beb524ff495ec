#if OpenBLAS
  import KernelInterface

  /// The kernels on OpenBLAS: the Swift kernels, with the entries replaced that BLAS has.
  ///
  /// AdamW has none: BLAS has neither roots nor quotients, and its moving averages would not pay. `scal` and `axpy` on
  /// pieces in the first-level cache take 6.2 µs for the averages of 16,384 elements. The pass that does everything takes
  /// 13.8 µs for them, 6.0 µs compiled for AVX2; roots and quotients fill most of that time.
  ///
  /// - Parameter swift: The Swift kernels that suit the processor.
  package func openBLASKernels(over swift: KernelTable) -> KernelTable {
    KernelTable(
      float32: swift.float32.replacing(linearAlgebraOverrides(swift.float32)),
      float64: swift.float64.replacing(linearAlgebraOverrides(swift.float64)),
      adafactor: PerTypePair { parameter, gradient in
        var kernels = swift.adafactor[parameter, gradient]
        for replace in adafactorOverrides(swift, parameter, gradient) { replace(&kernels) }
        return kernels
      }, exactAdafactor: swift.exactAdafactor, adamW: swift.adamW, conversion: swift.conversion)
  }

  /// The entries of Adafactor that BLAS has: sums on `gemv`, moving averages on `scal` and `axpy`.
  ///
  /// BLAS has no squares, quotients and roots, and tensors that are not factored have nothing else. The update is one pass
  /// in Swift: `axpy` by rows needs B G in memory first and leaves Σ p² to a third pass, and took 1.8 times as long.
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

  /// The entries of linear algebra that BLAS has.
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
    ]
  }

  extension LinearAlgebraKernels {
    fileprivate func replacing(_ overrides: [KernelOverride<Self>]) -> Self {
      var kernels = self
      for replace in overrides { replace(&kernels) }
      return kernels
    }
  }
#endif
