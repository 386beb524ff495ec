import Synchronization
import Tensors
import TestSupport
import Testing

@Suite("Tensor: value semantics and memory")
struct TensorTests {
  @Test func `Writing to a copy does not change the original`() {
    var a = Tensor([[1, 2], [3, 4]])
    let b = a
    a[0, 0] = 9
    #expect(a == Tensor([[9, 2], [3, 4]]))
    #expect(b == Tensor([[1, 2], [3, 4]]))
  }

  @Test func `A tensor that does not share its memory is written in place`() {
    var a = Tensor(zeros: [100])
    let address = a.memory
    a[3] = 1
    a += 1
    a.withMutableSpan(of: Float.self) { $0[5] = 7 }
    #expect(a.memory == address)
    let b = a
    a[3] = 2
    #expect(a.memory != address)
    #expect(b.memory == address)
  }

  @Test(arguments: [0, 1, 3, 1000])
  func `Memory starts at a multiple of 64`(count: Int) {
    #expect(UInt(bitPattern: Tensor(zeros: [count]).memory) % 64 == 0)
  }

  @Test func `Reshaping shares the memory and keeps the order`() {
    let a = Tensor([1, 2, 3, 4, 5, 6])
    let b = a.reshaped(to: [2, 3])
    #expect(b == Tensor([[1, 2, 3], [4, 5, 6]]))
    #expect(b.memory == a.memory)
    #expect(a.reshaped(to: [1, 6, 1])[0, 4, 0] == 5)
  }

  @Test func `Adopted memory is read and written in place, copied when shared, and released once`() {
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 4)
    defer { memory.deallocate() }
    memory.update(repeating: 3, count: 4)
    let released = Counter()
    do {
      var tensor = Tensor(
        bytesNoCopy: memory, shape: [2, 2], as: .float32, deallocator: { released.increment() })
      #expect(tensor == Tensor([[3, 3], [3, 3]]))
      #expect(!tensor.ownsMemory)
      #expect(tensor.mutationStamp == nil)
      tensor[1, 1] = 8
      #expect(memory[3] == 8)
      var copy = tensor
      copy[0, 0] = 5
      #expect(memory[0] == 3)
      #expect(copy.ownsMemory)
      #expect(tensor[0, 0] == 3)
      #expect(released.value == 0)
    }
    #expect(released.value == 1)
  }

  @Test func `The stamp changes with every way of writing, and with nothing else`() {
    var a = Tensor(ones: [4, 4])
    let writers: [(String, (inout Tensor) -> Void)] = [
      ("subscript", { $0[0, 0] = 1 }), ("span", { $0.withMutableSpan(of: Float.self) { _ in } }),
      ("bytes", { $0.withUnsafeMutableBytes { _ in } }), ("memory", { _ = $0.mutableMemory() }),
      ("+=", { $0 += Tensor(ones: [4, 4]) }), ("*=", { $0 *= 2 }),
      ("add", { $0.add(Tensor(ones: [4, 4]), scaledBy: 2) }), ("assignment", { $0 = Tensor(ones: [4, 4]) }),
    ]
    for (name, write) in writers {
      let before = a.mutationStamp
      #expect(before != nil)
      _ = (a[0, 0], a.sum(), a.sum(axis: -1), a + a, a.description, a == a)
      let copy = a
      #expect(a.mutationStamp == before, "reading before \(name)")
      #expect(copy.mutationStamp == before)
      write(&a)
      #expect(a.mutationStamp != before, "\(name)")
      #expect(copy.mutationStamp == before)
    }
  }

  @Test func `A later tensor at the same address has another stamp`() {
    var stamps: [MutationStamp?] = []
    for _ in 0..<10 {
      let stamp = Tensor(zeros: [8]).mutationStamp
      #expect(!stamps.contains(stamp))
      stamps.append(stamp)
    }
  }

  @Test func `Reshaping to another number of elements traps with both shapes`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor(zeros: [2, 3]).reshaped(to: [7])
    }
    try expectMessage(of: result, toContain: "[2, 3] has 6", "[7] needs 7")
  }
}

/// A counter for any thread.
final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
  func increment() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}
