import Dispatch
import Tensors

/// The memory that an optimizer step cannot do without, moved by plain vector loops: the bound of its speed.
///
/// Adafactor reads a factored gradient; then reads it again with the parameter, which it writes: 16 bytes an element of
/// Float32. With second moments for each element it reads and writes those as well: 28 bytes. AdamW reads gradient,
/// parameter and two moments once and writes all but the gradient: 28 bytes.
///
/// Below the size of the caches, where instructions and not bytes decide, it bounds nothing.
public final class MemoryTraffic: @unchecked Sendable {
  /// What a step moves.
  public enum Mix: Sendable {
    case adafactor, adamW
  }

  private typealias Memory = UnsafeMutablePointer<Float>

  /// One sweep: the arrays that are read, and those that are read and written.
  private struct Sweep {
    var reads: [Memory]
    var updates: [Memory]
    var count: Int
  }

  private let threads: Int
  private var sweeps: [Sweep] = []
  private var allocations: [Memory] = []

  /// The traffic of a step over parameters of these shapes.
  public init(_ mix: Mix, shapes: [Shape], threads: Int) {
    self.threads = threads
    func memory(_ count: Int) -> Memory {
      let memory = Memory.allocate(capacity: count)
      memory.initialize(repeating: 1, count: count)
      allocations.append(memory)
      return memory
    }
    let all = shapes.reduce(0) { $0 + $1.elementCount }
    switch mix {
    case .adafactor:
      let factored = shapes.filter { $0.rank >= 2 }.reduce(0) { $0 + $1.elementCount }
      let (gradient, parameter) = (memory(factored), memory(factored))
      sweeps.append(Sweep(reads: [gradient], updates: [], count: factored))
      sweeps.append(Sweep(reads: [gradient], updates: [parameter], count: factored))
      let others = all - factored
      let (otherGradient, otherParameter, moments) = (memory(others), memory(others), memory(others))
      sweeps.append(Sweep(reads: [otherGradient, moments], updates: [], count: others))
      sweeps.append(Sweep(reads: [otherGradient], updates: [otherParameter, moments], count: others))
    case .adamW:
      sweeps.append(Sweep(reads: [memory(all)], updates: (0..<3).map { _ in memory(all) }, count: all))
    }
    sweeps.removeAll { $0.count == 0 }
  }

  deinit { allocations.forEach { $0.deallocate() } }

  /// Moves it once.
  public func move() {
    for sweep in sweeps {
      if threads == 1 {
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
  /// Elements of each array that are moved before the next array's: all of a piece stay in the first-level cache.
  private static let piece = 1_024

  private static func move(_ sweep: Sweep, _ range: Range<Int>) {
    var sum = Vector()
    for start in stride(from: range.lowerBound, to: range.upperBound, by: piece) {
      let end = min(start + piece, range.upperBound)
      for array in sweep.reads { sum += read(array, start, end) }
      for array in sweep.updates { update(array, from: sweep.reads[0], start, end) }
    }
    // Nothing is ever so large; the compiler does not know.
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
