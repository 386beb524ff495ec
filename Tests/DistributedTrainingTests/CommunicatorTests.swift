import DistributedTraining
import RankSupport
import Tensors
import TestSupport
import Testing

/// The operations of communicators on threads. `MPITests` runs the same ones under MPI.
@Suite struct CommunicatorTests {
  @Test(arguments: [1, 2, 3, 4, 8])
  func `Threads exchange, gather, scatter, broadcast and sum`(ranks: Int) throws {
    let reports = try ThreadGroup.run(ranks: ranks) { try CommunicatorChecks.run(on: $0) }
    #expect(reports == [[String]](repeating: [], count: ranks))
  }

  @Test func `A single process is a group of one`() throws {
    let single = SingleProcess()
    #expect((single.rank, single.size) == (0, 1))
    #expect(try CommunicatorChecks.run(on: single) == [])
  }

  @Test func `A rank that throws ends the waiting of the others`() throws {
    struct Problem: Error, CustomStringConvertible { let description = "out of rows" }
    #expect(throws: Problem.self) {
      try ThreadGroup.run(ranks: 3) { communicator in
        if communicator.rank == 1 { throw Problem() }
        try communicator.barrier()
      }
    }
    let failure = #expect(throws: CommunicatorError.self) {
      _ = try ThreadGroup.run(ranks: 2) { try $0.agree($0.rank == 1 ? "no memory" : nil) }
    }
    #expect(failure == .rankFailed(rank: 1, message: "no memory"))
  }

  @Test func `Ranks that differ are told every difference`() throws {
    let failure = #expect(throws: CommunicatorError.self) {
      _ = try ThreadGroup.run(ranks: 3) { communicator in
        try communicator.requireSame([
          ("rate", communicator.rank == 2 ? "0.1" : "0.2"), ("decay", "0"),
          ("seed", "\(communicator.rank)"),
        ])
      }
    }
    #expect(
      failure
        == .ranksDiffer([
          "rate: 0.2 on rank 0, 0.2 on rank 1, 0.1 on rank 2", "seed: 0 on rank 0, 1 on rank 1, 2 on rank 2",
        ]))
  }
}
