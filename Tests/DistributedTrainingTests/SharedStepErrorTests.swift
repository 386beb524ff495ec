import DistributedTraining
import Optimizers
import Tensors
import TestSupport
import Testing

/// Steps that ranks cannot make together.
@Suite struct SharedStepErrorTests {
  private func errors(
    ranks: Int, _ body: @escaping @Sendable (Optimizer, [Parameter], Int) throws -> Void
  ) throws -> [String] {
    try ThreadGroup.run(ranks: ranks) { communicator in
      let plan = ShardPlan([[300, 200], [7]], ranks: communicator.size)
      let whole = [Parameter("w", Tensor(ones: [300, 200])), Parameter("b", Tensor(ones: [7]))]
      let parts = plan.parts(of: whole, rank: communicator.rank)
      let optimizer = try Adafactor(parts, options: AdafactorOptions(learningRate: .constant(1e-3)))
      try optimizer.share(over: communicator)
      for part in parts { part.gradient = Tensor(ones: part.value.shape) }
      do { try body(optimizer, parts, communicator.rank) } catch { return "\(error)" }
      // Nothing was stepped.
      return parts.allSatisfy { $0.value == Tensor(ones: $0.value.shape) } ? "unchanged" : "stepped"
    }
  }

  @Test func `A gradient that one rank lacks is named on all ranks`() throws {
    let errors = try errors(ranks: 3) { optimizer, parts, rank in
      if rank == 1 { parts[1].gradient = nil }
      try optimizer.step()
    }
    for error in errors {
      #expect(error.contains("parameters with gradients: w, b on rank 0, w on rank 1, w, b on rank 2"))
    }
  }

  @Test func `Learning rates, gradient scales and policies that differ are named`() throws {
    let errors = try errors(ranks: 2) { optimizer, parts, rank in
      if rank == 1 {
        optimizer.setValue(0.5, of: .learningRate, inGroup: 0)
        parts[0].gradientScale = 0.25
        optimizer.nonFinitePolicy = .skipStep
      }
      try optimizer.step()
    }
    for error in errors {
      #expect(error.contains("the learning rate of \"w\": 0.001 on rank 0, 0.5 on rank 1"))
      #expect(error.contains("the gradient scale of \"w\": 1.0 on rank 0, 0.25 on rank 1"))
      #expect(error.contains("the policy: propagate on rank 0, skipStep on rank 1"))
    }
  }

  @Test func `An error of one rank is its own, and told to the others`() throws {
    let errors = try errors(ranks: 2) { optimizer, parts, rank in
      if rank == 1 { parts[0].gradient = Tensor(zeros: [1]) }
      try optimizer.step()
    }
    #expect(errors[1].hasPrefix("The gradient of \"w\" has the shape [1]"))
    #expect(errors[0].contains("the step: can be made on rank 0, fails: The gradient of \"w\""))
  }

  @Test func `A part is refused without the other ranks, and by rules that need whole tensors`() throws {
    let plan = ShardPlan([[300, 200]], ranks: 2)
    let part = plan.parts(of: [Parameter("w", Tensor(ones: [300, 200]))], rank: 0)[0]
    part.gradient = part.value
    #expect(throws: OptimizerError.notShared(parameter: "w")) { try Adafactor([part]).step() }
    let errors = try ThreadGroup.run(ranks: 2) { communicator in
      let part = plan.parts(
        of: [Parameter("w", Tensor(ones: [300, 200]))], rank: communicator.rank)[0]
      part.gradient = part.value
      let optimizer = try Muon([part])
      try optimizer.share(over: communicator)
      do { try optimizer.step() } catch { return "\(error)" }
      return ""
    }
    for error in errors { #expect(error.contains("this rule needs whole tensors")) }
  }
}
