#if OpenBLAS
  import CBLASCounter
  import KernelInterface
  import Tensors
  import Testing

  @Suite("The OpenBLAS path really calls OpenBLAS")
  struct OpenBLASCallsTests {
    /// The calls that `body` makes on this thread.
    private func calls(_ routine: CBLASRoutine, in body: () -> Void) -> Int {
      let before = cblas_counter_calls(routine)
      body()
      return cblas_counter_calls(routine) - before
    }

    /// Runs every kernel once on a 40 × 300 matrix, and reports the calls of each.
    private func callsPerKernel(_ path: Backend) -> [String: Int] {
      let (rows, columns) = (40, 300)
      let count = rows * columns
      var numbers = TestNumbers(seed: 1)
      var x = numbers.array(count, of: Float.self)
      var y = numbers.array(count, of: Float.self)
      let kernels = path.float32
      var result: [String: Int] = [:]
      x.withUnsafeMutableBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          let (x, y) = (x.baseAddress!, y.baseAddress!)
          result["row sums"] = calls(CBLASRoutineGemv) {
            kernels.rowSums(of: .elements, x, rows: rows, columns: columns, into: y)
          }
          result["column sums"] = calls(CBLASRoutineGemv) {
            kernels.columnSums(of: .squares, x, rows: rows, columns: columns, into: y)
          }
          result["sum"] = calls(CBLASRoutineGemv) { _ = kernels.sum(x, count: count) }
          result["dot"] = calls(CBLASRoutineDot) { _ = kernels.dot(x, y, count: count) }
          result["scale"] = calls(CBLASRoutineScal) { kernels.scale(x, count: count, by: 2) }
          result["axpy"] = calls(CBLASRoutineAxpy) { kernels.axpy(2, x, count: count, onto: y) }
          result["moving average"] =
            calls(CBLASRoutineScal) {
              result["moving average, axpy"] = calls(CBLASRoutineAxpy) {
                kernels.movingAverage(y, count: count, decay: 0.5, weight: 0.5, of: x)
              }
            }
          result["matrix product"] = calls(CBLASRoutineGemm) {
            kernels.matrixProduct(
              ProductShape(rows: 10, columns: 20, inner: 30), alpha: 1, x, x + 300, beta: 0, into: y)
          }
        }
      }
      return result
    }

    @Test("Each kernel makes the calls that its tiles need")
    func callsOfOpenBLAS() {
      #expect(
        callsPerKernel(.openBLAS) == [
          // 32 × 256, 32 × 44, 8 × 256, 8 × 44.
          "row sums": 4, "column sums": 4,
          // 46 rows of 256 in tiles of 32, and the 224 elements left.
          "sum": 3,
          // Chunks of 512.
          "dot": 24,
          // Pieces of 8,192.
          "scale": 2, "axpy": 2, "moving average": 2, "moving average, axpy": 2,
          "matrix product": 1,
        ])
    }

    @Test("The Swift path makes none")
    func callsOfSwift() {
      #expect(callsPerKernel(.swift).values.allSatisfy { $0 == 0 })
    }

    @Test("OpenBLAS's process-wide thread setting stays as it was")
    func threadSetting() {
      let before = cblas_counter_threads()
      _ = callsPerKernel(.openBLAS)
      #expect(cblas_counter_threads() == before)
    }
  }
#endif
