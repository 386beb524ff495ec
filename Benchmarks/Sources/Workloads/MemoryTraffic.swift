import Dispatch
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The minimum memory traffic of an optimizer step, moved by plain vector loops, which is the limit of its
/// speed.
///
/// Adafactor reads the gradient and its state, then reads both again with the parameter, and writes parameter
/// and state. In Float32, this is 16 bytes per element and 12 bytes per number in the state. A matrix has one
/// number per row and column in its state, which is negligible unless the matrix is a single row. A vector
/// has one number per element. AdamW reads gradient, parameter and two moments once and writes all except the
/// gradient: 28 bytes per element.
///
/// Within the caches, instructions are the limit, and the traffic is no lower bound.
public final class MemoryTraffic: @unchecked Sendable {
  /// The traffic of an optimizer.
  public enum Mix: Sendable {
    case adafactor, adamW
  }

  private typealias Memory = UnsafeMutablePointer<Float>

  /// One pass: the arrays that are only read, and the arrays that are read and written.
  private struct Sweep {
    var reads: [Memory]
    var updates: [Memory]
    var count: Int
  }

  private let threads: Int
  private var sweeps: [Sweep] = []
  private var allocations: [Memory] = []

  /// Creates the traffic of a step over parameters of these shapes.
  public init(_ mix: Mix, shapes: [Shape], threads: Int) {
    self.threads = threads
    func memory(_ count: Int) -> Memory {
      let memory = Self.allocate(count)
      allocations.append(memory)
      return memory
    }
    let all = shapes.reduce(0) { $0 + $1.elementCount }
    switch mix {
    case .adafactor:
      let numbers = shapes.reduce(0) { $0 + Self.stateCount($1) }
      let (gradient, parameter, state) = (memory(all), memory(all), memory(numbers))
      sweeps = [
        Sweep(reads: [gradient], updates: [], count: all),
        Sweep(reads: [state], updates: [], count: numbers),
        Sweep(reads: [gradient], updates: [parameter], count: all),
        Sweep(reads: [], updates: [state], count: numbers),
      ]
    case .adamW:
      sweeps = [Sweep(reads: [memory(all)], updates: (0..<3).map { _ in memory(all) }, count: all)]
    }
  }

  /// Returns `count` ones, in large pages if tensors use them: the traffic must not be slower than a step.
  private static func allocate(_ count: Int) -> Memory {
    let (byteCount, largePage) = (4 * count, 2 << 20)
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: byteCount, alignment: byteCount >= 2 * largePage ? largePage : 64)
    #if os(Linux)
      if byteCount >= 2 * largePage { _ = madvise(memory, byteCount, Int32(MADV_HUGEPAGE)) }
    #endif
    return memory.initializeMemory(as: Float.self, repeating: 1, count: count)
  }

  /// Returns the count of numbers in Adafactor's state of a parameter: one per row and column of its trailing
  /// matrices, or one per element.
  private static func stateCount(_ shape: Shape) -> Int {
    guard shape.rank >= 2 else { return shape.elementCount }
    // The row and the column of a single element share one number.
    if shape.rank > 2 && shape.rows * shape.columns == 1 { return shape.elementCount }
    return shape.batchCount * (shape.rows + shape.columns)
  }

  deinit { allocations.forEach { $0.deallocate() } }

  /// Moves the traffic once.
  public func move() {
    for sweep in sweeps {
      if threads == 1 || sweep.count < Self.leastShared {
        Self.move(sweep, 0..<sweep.count)
      } else {
        let share = (sweep.count / threads + Self.lanes) / Self.lanes * Self.lanes
        nonisolated(unsafe) let sweep = sweep
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
          Self.move(sweep, min(thread * share, sweep.count)..<min((thread + 1) * share, sweep.count))
        }
      }
    }
  }

  private typealias Vector = SIMD16<Float>
  private static let lanes = Vector.scalarCount
  /// The number of elements below which waking a second thread takes longer than moving the elements.
  private static let leastShared = 16_384
  /// The number of elements of each array that are moved before the next array's. The whole piece stays in
  /// the first-level cache.
  private static let piece = 1_024

  private static func move(_ sweep: Sweep, _ range: Range<Int>) {
    var sum = Vector()
    for start in stride(from: range.lowerBound, to: range.upperBound, by: piece) {
      let end = min(start + piece, range.upperBound)
      for array in sweep.reads { sum += read(array, start, end) }
      for array in sweep.updates { update(array, from: sweep.reads.first ?? array, start, end) }
    }
    // The sum is never this large, but the compiler does not know that.
    precondition(sum.sum() < .infinity)
  }

  @inline(__always)
  private static func read(_ array: Memory, _ start: Int, _ end: Int) -> Vector {
    var (even, odd) = (Vector(), Vector())
    let memory = UnsafeRawPointer(array)
    var i = start
    while i + 2 * lanes <= end {
      even += memory.loadUnaligned(fromByteOffset: 4 * i, as: Vector.self)
      odd += memory.loadUnaligned(fromByteOffset: 4 * (i + lanes), as: Vector.self)
      i += 2 * lanes
    }
    while i < end {
      even[0] += array[i]
      i += 1
    }
    return even + odd
  }

  @inline(__always)
  private static func update(_ array: Memory, from other: Memory, _ start: Int, _ end: Int) {
    let (memory, source) = (UnsafeMutableRawPointer(array), UnsafeRawPointer(other))
    var i = start
    while i + lanes <= end {
      let new =
        memory.loadUnaligned(fromByteOffset: 4 * i, as: Vector.self)
        - 1e-9 * source.loadUnaligned(fromByteOffset: 4 * i, as: Vector.self)
      memory.storeBytes(of: new, toByteOffset: 4 * i, as: Vector.self)
      i += lanes
    }
    while i < end {
      array[i] -= 1e-9 * other[i]
      i += 1
    }
  }
}
