import DistributedTraining
import Foundation
import Optimizers
import RankSupport
import Tensors

/// One rank of a job under mpirun, or a process of its own without the trait `MPI`.
///
/// Usage: RankProgram collectives | pieces | whole | training | resume FOLDER STEPS | differ | throw | hang. What it prints is compared by `MPITests`.
@main
enum RankProgram {
  static func main() throws {
    let command = CommandLine.arguments.dropFirst().first ?? ""
    if command == "model" { return PaperModel.run() }
    #if MPI
      if command == "whole" { return try run(command, SingleProcess()) }
      try MPICommunicator.run { communicator in
        if command == "pieces" { communicator.largestMessage = 5 }
        try run(command, communicator)
      }
    #else
      try Launcher.requireMPI()
      try run(command, SingleProcess())
    #endif
  }

  private static func run(_ command: String, _ communicator: any Communicator) throws {
    switch command {
    case "collectives", "pieces":
      let problems = try CommunicatorChecks.run(on: communicator)
      try communicator.agree(problems.isEmpty ? nil : problems.joined(separator: "\n"))
      if communicator.rank == 0 { print("\(communicator.size) ranks agree") }
    case "whole": print(try RankTraining.whole())
    case "training":
      let text = try RankTraining.shared(over: communicator)
      if communicator.rank == 0 { print(text) }
    case "resume":
      // A folder, and the number of steps.
      let arguments = CommandLine.arguments
      let text = try ResumedTraining.run(
        directory: arguments[2], stepCount: Int(arguments[3])!, over: communicator)
      if communicator.rank == 0 { print(text) }
    case "measure": try Measurement.run(communicator)
    case "differ":
      let parameter = Parameter("w", Tensor(zeros: [4]))
      let optimizer = try Adafactor(
        [parameter], options: AdafactorOptions(learningRate: .constant(communicator.rank == 1 ? 0.1 : 0.2)))
      try optimizer.share(over: communicator)
    case "throw":
      if communicator.rank == 1 { throw CocoaError(.fileNoSuchFile) }
      try communicator.barrier()
    case "hang":
      // Rank 0 waits for a message that nobody sends.
      if communicator.rank == 0 { try communicator.barrier() } else { sleep(600) }
    default: fatalError("There is no command \"\(command)\".")
    }
  }
}
