#if OpenBLAS
  import Kernels

  /// P ← P − α·weightDecay·P − A(B G) with `axpy` by rows, for parameters of the arithmetic type.
  struct UpdateOnBLAS<BLAS: LinearAlgebraOnBLAS> where BLAS.Scalar: TensorScalar {
    /// The arithmetic.
    typealias A = BLAS.Scalar

    /// Vector updates.
    let blas: BLAS
    /// What BLAS lacks.
    let swift: any SwiftKernelPath

    /// Elements of a row that are worked on at a time: with its momentum and parameter they stay in the first-level
    /// cache.
    private static var segment: Int { 2048 }

    /// Updates a piece and returns Σ p² of its new values.
    func updateFactored(
      _ parameter: MutableElements, _ gradient: GradientPiece, rowFactors: Elements, columnFactors: Elements,
      change: ParameterChange
    ) -> Double {
      let rowFactors = rowFactors.address.assumingMemoryBound(to: A.self)
      withUnsafeTemporaryAllocation(of: A.self, capacity: 3 * Self.segment) { memory in
        let terms = memory.baseAddress!
        let old = terms + Self.segment
        let spare = old + Self.segment
        for row in 0..<gradient.rows {
          for column in stride(from: 0, to: gradient.columns, by: Self.segment) {
            let count = min(Self.segment, gradient.columns - column)
            let start = row * gradient.stride + column
            var part = gradient
            part.elements = gradient.elements.advanced(by: start)
            part.rows = 1
            part.columns = count
            swift.scaled(
              part, columnFactors: columnFactors.advanced(by: column),
              into: MutableElements(terms, A.scalarType))
            withAligned(parameter.advanced(by: start).address, count: count, spare) { p in
              if change.shrinkage != 0 {
                old.update(from: p, count: count)
                A.axpy(count: count, alpha: A(-change.shrinkage), old, p)
              }
              if let (moments, beta1) = change.momentum {
                let m = moments.address.assumingMemoryBound(to: A.self) + start
                blas.scale(m, count: count, by: A(beta1))
                A.axpy(count: count, alpha: A(1 - beta1) * rowFactors[row], terms, m)
                A.axpy(count: count, alpha: -1, m, p)
              } else {
                A.axpy(count: count, alpha: -rowFactors[row], terms, p)
              }
            }
          }
        }
      }
      return swift.sumOfSquares(
        parameter.reading, rows: gradient.rows, columns: gradient.columns, stride: gradient.stride)
    }

    /// Runs `body` on `count` elements, in `spare` where their address is no multiple of their size: OpenBLAS's kernels
    /// for baseline x86-64 look for the next multiple of 16 by whole elements, never find it, and fault.
    @inline(__always)
    private func withAligned(
      _ address: UnsafeMutableRawPointer, count: Int, _ spare: UnsafeMutablePointer<A>,
      _ body: (UnsafeMutablePointer<A>) -> Void
    ) {
      if UInt(bitPattern: address) % UInt(MemoryLayout<A>.alignment) == 0 {
        body(address.assumingMemoryBound(to: A.self))
      } else {
        let bytes = count * MemoryLayout<A>.stride
        UnsafeMutableRawPointer(spare).copyMemory(from: address, byteCount: bytes)
        body(spare)
        address.copyMemory(from: spare, byteCount: bytes)
      }
    }
  }
#endif
