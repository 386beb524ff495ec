import Optimizers
import Tensors

/// The average of the gradients of a batch whose parts several ranks compute: the same bits for any number of ranks.
///
/// A batch is always computed as the same number of parts, a power of two, however many ranks share them. Each rank computes
/// consecutive parts one after another:
///
///     let averager = try GradientAverager(model.parameters, partCount: 8, over: communicator)
///     for batch in batches {
///       for part in averager.parts {
///         let samples = batch[part]
///         model.setGradients(for: samples)               // of the mean loss over its samples
///         try averager.add(part, weight: Double(samples.count))
///       }
///       try averager.average()
///       try model.parameters.clipGradientNorm(maxNorm: 1)
///       try optimizer.step()
///     }
///
/// The result is Σ wᵢ gᵢ / Σ wᵢ over the parts, as a `GradientAccumulator` gives it on one machine. Sums are in Float32, or in
/// Float64 for Float64 parameters. They run in a binary tree over the parts. A rank adds up the subtrees that it computes, and
/// all ranks combine these partial sums in the same tree. While parts are added, a rank holds at most one sum per level of the
/// tree: with 8 parts on one rank 4 times the gradients, with 8 parts on 8 ranks once.
///
/// Gradients that are clipped, unscaled or inspected afterwards are the same on every rank, and so is everything that is done with
/// them. Accumulation over micro-batches needs nothing else: take more parts.
public final class GradientAverager {
  /// The parameters whose gradients are averaged.
  public let parameters: [Parameter]

  /// The number of parts of a batch.
  public let partCount: Int

  /// The parts that this rank computes, in this order.
  public let parts: Range<Int>

  private let communicator: any Communicator
  private let partsByRank: [Range<Int>]
  /// The sums of subtrees, in the order of their parts.
  private var subtrees: [(parts: Range<Int>, sums: [Tensor?])] = []
  private var nextPart: Int
  private var weights: [Double] = []

  /// The number of bytes of gradients that are combined at a time.
  private static let bucketBytes = 25 << 20

  /// Creates an averager.
  ///
  /// - Parameters:
  ///   - parameters: The parameters, the same on every rank.
  ///   - partCount: The number of parts of every batch: a power of two, at least the number of ranks for all to have work.
  ///   - communicator: The ranks.
  /// - Throws: ``GradientAveragerError/partCount(_:)``; ``CommunicatorError/ranksDiffer(_:)`` if ranks have other parameters or
  ///   another number of parts.
  public init(
    _ parameters: [Parameter], partCount: Int, over communicator: any Communicator
  ) throws {
    guard partCount >= 1, partCount & (partCount - 1) == 0 else {
      throw GradientAveragerError.partCount(partCount)
    }
    try communicator.requireSame(
      [("the number of parts", "\(partCount)"), ("the number of parameters", "\(parameters.count)")]
        + parameters.enumerated().map { ("parameter \($0)", "\($1)") })
    self.parameters = parameters
    self.partCount = partCount
    self.communicator = communicator
    let size = communicator.size
    partsByRank = (0..<size).map { partCount * $0 / size..<partCount * ($0 + 1) / size }
    parts = partsByRank[communicator.rank]
    nextPart = parts.lowerBound
  }

  /// Adds `weight` times each parameter's gradient, for the mean loss over `weight` samples, and sets the gradient to nil.
  ///
  /// Each gradient is multiplied by its `gradientScale`. If a parameter has no gradient in some parts, it counts as zero; if
  /// it has none in the whole batch, it has none afterwards. A part of weight 0 is not read.
  ///
  /// - Parameters:
  ///   - part: The part that the gradients are of: the next one of ``parts``.
  ///   - weight: The number of samples that the loss is a mean over.
  /// - Throws: ``GradientAveragerError``, with everything as it was.
  public func add(_ part: Int, weight: Double = 1) throws(GradientAveragerError) {
    guard part == nextPart, parts.contains(part) else {
      throw .order(part: part, expected: nextPart, parts: parts)
    }
    guard weight >= 0, weight.isFinite else { throw .weight(weight, part: part) }
    for parameter in parameters {
      if let gradient = parameter.gradient, gradient.shape != parameter.value.shape {
        throw .gradientShape(
          parameter: parameter.name, shape: parameter.value.shape, gradient: gradient.shape)
      }
    }
    nextPart += 1
    weights.append(weight)
    let sums = parameters.indices.map { index -> Tensor? in
      guard weight > 0, let gradient = parameters[index].gradient else { return nil }
      return gradient.converted(to: sumType(index)) * (weight * parameters[index].gradientScale)
    }
    for parameter in parameters { parameter.gradient = nil }
    subtrees.append((part..<part + 1, sums))
    while subtrees.count >= 2 {
      let (left, right) = (subtrees[subtrees.count - 2], subtrees[subtrees.count - 1])
      let length = right.parts.count
      guard left.parts.count == length, left.parts.lowerBound % (2 * length) == 0 else { break }
      subtrees.removeLast(2)
      subtrees.append(
        (left.parts.lowerBound..<right.parts.upperBound, zip(left.sums, right.sums).map(Self.sum)))
    }
  }

  /// x + y, where a sum that is missing is zero: also −0 + 0 is then 0, as on ranks that send zeros.
  private static func sum(_ x: Tensor?, _ y: Tensor?) -> Tensor? {
    guard let x, let y else { return (x ?? y).map { $0 + 0 } }
    return x + y
  }

  // MARK: Results

  /// Gives each parameter the average gradient, on every rank: the gradient is the sum, the gradient scale 1 / Σ wᵢ.
  ///
  /// A rank sends its partial sums once and gathers the results: 2 (P − 1) / P times the gradients if it has one partial sum.
  ///
  /// - Throws: ``GradientAveragerError`` if parts are missing or all weights are 0, with everything as it was;
  ///   ``CommunicatorError``.
  public func average() throws {
    let (filled, totalWeight) = try begin()
    let indices = filled.indices.filter { filled[$0] }
    var results = indices.map { Tensor(uninitialized: parameters[$0].value.shape, as: sumType($0)) }
    for bucket in buckets(of: indices) {
      func reduce<Number: TensorScalar & BinaryFloatingPoint>(_: Number.Type) throws(CommunicatorError) {
        let members = bucket.map { member(indices[$0], as: Number.self) }
        let reduction = TreeReduction<Number>(
          members, runs: TreeReduction<Number>.segments(members, ranks: communicator.size), communicator)
        var addresses: [UnsafeMutablePointer<Number>] = []
        for index in bucket {
          addresses.append(results[index].mutableMemory().assumingMemoryBound(to: Number.self))
        }
        try withPartials(bucket.map { indices[$0] }, as: Number.self) { partials throws(CommunicatorError) in
          try reduction.reduce(partials, into: addresses, communicator)
        }
      }
      if sumType(indices[bucket[0]]) == .float64 { try reduce(Double.self) } else { try reduce(Float.self) }
    }
    for (index, result) in zip(indices, results) {
      parameters[index].gradient = result
      parameters[index].gradientScale = 1 / totalWeight
    }
    end()
  }

  /// Gives each part of ``ShardedParameters`` its part of the average gradient; parameters of the model get none.
  ///
  /// A rank sends its partial sums once: (P − 1) / P times the gradients if it has one partial sum.
  ///
  /// - Throws: As ``average()`` does.
  public func average(into sharded: ShardedParameters) throws {
    guard sharded.parameters.map(ObjectIdentifier.init) == parameters.map(ObjectIdentifier.init) else {
      fatalError("An averager and sharded parameters must have the same parameters, in the same order.")
    }
    let (filled, totalWeight) = try begin()
    let indices = filled.indices.filter { filled[$0] }
    for part in sharded.parts { part.gradient = nil }
    for bucket in buckets(of: indices) {
      func scatter<Number: TensorScalar & BinaryFloatingPoint>(_: Number.Type) throws(CommunicatorError) {
        let members = bucket.map { member(indices[$0], as: Number.self) }
        let runs = (0..<communicator.size).map { rank in
          var runs: [TreeReduction<Number>.Run] = []
          for (member, index) in bucket.enumerated() {
            sharded.plan.shard(of: indices[index], rank: rank).forEachRun { whole, _, count in
              runs.append(.init(member: member, range: whole..<whole + count))
            }
          }
          return runs
        }
        let reduction = TreeReduction<Number>(members, runs: runs, communicator)
        var results = bucket.map {
          Tensor(uninitialized: sharded.parts[indices[$0]].value.shape, as: Number.scalarType)
        }
        // Runs of a member follow one another in its part.
        var places = [Int](repeating: 0, count: bucket.count)
        try withPartials(bucket.map { indices[$0] }, as: Number.self) { partials throws(CommunicatorError) in
          try reduction.scatter(partials, communicator) { run, numbers in
            results[run.member].withMutableElements(of: Number.self) { part in
              (part.baseAddress! + places[run.member]).update(from: numbers, count: run.range.count)
            }
            places[run.member] += run.range.count
          }
        }
        for (member, index) in bucket.enumerated() {
          sharded.parts[indices[index]].gradient = results[member]
          sharded.parts[indices[index]].gradientScale = 1 / totalWeight
        }
      }
      if sumType(indices[bucket[0]]) == .float64 { try scatter(Double.self) } else { try scatter(Float.self) }
    }
    end()
  }

  /// Agrees on the parameters that have a gradient, and on Σ wᵢ.
  private func begin() throws -> (filled: [Bool], totalWeight: Double) {
    let isComplete = nextPart == parts.upperBound
    try communicator.agree(
      isComplete ? nil : "it has added the gradients of parts \(parts.lowerBound..<nextPart) of \(parts)")
    // In the order of the parts, so that the sum has the same bits everywhere.
    let all = try communicator.gatherAll(
      weights.flatMap { weight in
        (0..<8).map { UInt8(truncatingIfNeeded: weight.bitPattern >> (8 * $0)) }
      })
    let totalWeight = all.joined().chunks(of: 8).reduce(0.0) { sum, bytes in
      sum + Double(bitPattern: bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }
    guard totalWeight > 0 else { throw GradientAveragerError.noWeight(partCount: partCount) }
    let here = parameters.indices.map { index in
      subtrees.contains { $0.sums[index] != nil } ? UInt8(1) : 0
    }
    let flags = try communicator.gatherAll(here)
    return (parameters.indices.map { index in flags.contains { $0[index] == 1 } }, totalWeight)
  }

  private func end() {
    subtrees = []
    weights = []
    nextPart = parts.lowerBound
  }

  /// The type of a parameter's sums.
  private func sumType(_ index: Int) -> ScalarType {
    parameters[index].value.scalarType == .float64 ? .float64 : .float32
  }

  private func member<Number>(_ index: Int, as _: Number.Type) -> TreeReduction<Number>.Member {
    .init(
      length: parameters[index].value.elementCount, leavesByRank: partsByRank, leafCount: partCount)
  }

  /// Places in `indices` of parameters that are combined together: of one type, and not too many bytes.
  private func buckets(of indices: [Int]) -> [[Int]] {
    var buckets: [[Int]] = []
    var byteCount = Self.bucketBytes
    for (place, index) in indices.enumerated() {
      let count = parameters[index].value.elementCount * sumType(index).byteCount
      let fits = byteCount + count <= Self.bucketBytes
      if let last = buckets.last?.last, fits, sumType(indices[last]) == sumType(index) {
        buckets[buckets.count - 1].append(place)
        byteCount += count
      } else {
        buckets.append([place])
        byteCount = count
      }
    }
    return buckets
  }

  /// Calls `body` with the addresses of the partial sums of some parameters.
  private func withPartials<Number: TensorScalar>(
    _ indices: [Int], as type: Number.Type,
    _ body: ([[UnsafeMutablePointer<Number>]]) throws(CommunicatorError) -> Void
  ) throws(CommunicatorError) {
    var partials: [[UnsafeMutablePointer<Number>]] = []
    for index in indices {
      var addresses: [UnsafeMutablePointer<Number>] = []
      for subtree in subtrees.indices {
        if subtrees[subtree].sums[index] == nil {
          subtrees[subtree].sums[index] = Tensor(zeros: parameters[index].value.shape, as: type.scalarType)
        }
        addresses.append(
          subtrees[subtree].sums[index]!.mutableMemory().assumingMemoryBound(to: Number.self))
      }
      partials.append(addresses)
    }
    try body(partials)
  }
}

extension Sequence where Element == UInt8 {
  /// The bytes in lists of `length`.
  fileprivate func chunks(of length: Int) -> [[UInt8]] {
    var chunks: [[UInt8]] = []
    for (index, byte) in enumerated() {
      if index % length == 0 { chunks.append([]) }
      chunks[chunks.count - 1].append(byte)
    }
    return chunks
  }
}

/// An error of a ``GradientAverager``.
public enum GradientAveragerError: Error, Sendable, Equatable {
  /// The number of parts is not a power of two.
  case partCount(Int)
  /// A part was added that is not the next one.
  case order(part: Int, expected: Int, parts: Range<Int>)
  /// A weight is negative or not finite.
  case weight(Double, part: Int)
  /// A gradient has another shape than its parameter.
  case gradientShape(parameter: String, shape: Shape, gradient: Shape)
  /// All weights are 0.
  case noWeight(partCount: Int)
}

extension GradientAveragerError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .partCount(let count):
      "A batch was to have \(count) parts: their number must be a power of two."
    case .order(let part, let expected, let parts):
      parts.contains(expected)
        ? "The gradients of part \(part) were added, but part \(expected) is next: add the parts \(parts) in their order."
        : "The gradients of part \(part) were added, but all parts \(parts) of this rank are: call average()."
    case .weight(let weight, let part):
      "The weight of part \(part) is \(weight): it must be finite and not negative."
    case .gradientShape(let parameter, let shape, let gradient):
      "The gradient of \"\(parameter)\" has the shape \(gradient), its parameter \(shape): they must be the same."
    case .noWeight(let count):
      "The weights of all \(count) parts are 0: there is nothing to average."
    }
  }
}
