import KernelInterface

/// The numbers that processes which share a tensor combine between two phases of its step.
package struct StepReduction {
  /// The partial results of this process, `length` numbers each, one after another. The result for the whole tensor replaces
  /// the first, for which there is memory in any case.
  package let numbers: UnsafeMutablePointer<Double>
  /// The number of numbers of one partial result: the same in all processes.
  package let length: Int
  /// The way in which partial results are combined.
  package let order: Order

  /// A way to combine partial results.
  package enum Order: Sendable {
    /// Sums in the tree over blocks, of which a process has one per subtree that it holds.
    case sumOverBlocks
    /// Sums in the tree over the trailing matrices, likewise.
    case sumOverMatrices
    /// Sums of whole numbers, which have no order: one partial result per process.
    case count
    /// The largest: one partial result per process.
    case maximum
  }

  /// A reduction of `length` numbers.
  package init(_ numbers: UnsafeMutablePointer<Double>, length: Int, _ order: Order) {
    self.numbers = numbers
    self.length = length
    self.order = order
  }
}

extension StepLayout {
  /// Calls `body` with each run of some elements of a part of a tensor that also follow one another in the tensor, and with the
  /// rounding of the run. The draws of stochastic rounding depend on the place in the tensor; others need one run.
  func forEachDraw(
    _ rounding: ParameterRounding, _ elements: Range<Int>, _ body: (Range<Int>, ParameterRounding) -> Void
  ) {
    guard let shard, case .stochastic = rounding else {
      return body(elements, rounding.advanced(by: elements.lowerBound))
    }
    shard.forEachRun { whole, part, count in
      let run = elements.clamped(to: part..<part + count)
      if !run.isEmpty { body(run, rounding.startingAt(whole + run.lowerBound - part)) }
    }
  }
}

/// The connection of an optimizer with the processes that share its parameters. All of them call the same functions, in the
/// same order.
package protocol StepReducer: AnyObject {
  /// Throws an error in all processes unless they step the same parameters with the same hyperparameters.
  ///
  /// - Parameters:
  ///   - digest: A hash of the values that the step depends on.
  ///   - facts: These values, by name. An error shows them.
  func requireSame(
    digest: UInt64, _ facts: () -> [(name: String, value: String)]
  ) throws(OptimizerError)

  /// Combines the partial results of several tensors.
  func reduce(_ reductions: [(shard: TensorShard, reduction: StepReduction)]) throws(OptimizerError)

  /// Sets each flag that is set in another process.
  func combine(_ flags: UnsafeMutableBufferPointer<Bool>) throws(OptimizerError)
}
