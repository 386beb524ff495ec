import Checkpoints
import DistributedTraining
import Foundation
import Optimizers
import Tensors

/// A data-parallel training with a sharded state that saves after each step, and resumes where the last checkpoint is.
package enum ResumedTraining {
  /// Trains up to `stepCount`, and returns a text of the bits of the parameters.
  ///
  /// Each rank leaves the number of its process in the directory's folder, as `rank-N`, so that a test can kill it.
  package static func run(
    directory path: String, stepCount: Int, over communicator: any Communicator
  ) throws -> String {
    var generator = SeededGenerator(seed: 4)
    let parameters = [
      Parameter("weight", Tensor(normal: [130, 150], using: &generator)),
      Parameter("bias", Tensor(zeros: [150])),
    ]
    let sharded = ShardedParameters(parameters, over: communicator)
    let optimizer = try Adafactor(sharded.parts, options: AdafactorOptions(beta1: 0.9))
    try optimizer.share(over: communicator)
    let averager = try GradientAverager(parameters, partCount: 4, over: communicator)
    let directory = CheckpointDirectory(path: path, keeping: 2)
    var position = TrainingPosition()
    if let found = try directory.latest() {
      let state = try found.checkpoint.restore(model: parameters, stateFor: optimizer)
      try optimizer.restoreWhole(state)
      sharded.takeParts()
      position = found.checkpoint.position
    }
    // All have read before rank 0 writes, and removes what is old.
    try communicator.barrier()
    try Data("\(getpid())".utf8).write(to: URL(filePath: "\(path).rank-\(communicator.rank)"))
    while position.step < stepCount {
      for part in averager.parts {
        var samples = SeededGenerator(seed: UInt64(100 * position.step + part))
        let x = Tensor(normal: [8, 130], using: &samples)
        let error = x.matmul(parameters[0].value)
        parameters[0].gradient = x.matmul(error, transposed: true)
        parameters[1].gradient = error.sum(axis: 0) + parameters[1].value
        try averager.add(part)
      }
      try averager.average(into: sharded)
      try optimizer.step()
      try sharded.gather()
      position.step += 1
      let state = try optimizer.wholeState()
      if communicator.rank == 0 {
        try directory.save(Checkpoint(position: position, model: parameters, optimizerState: state))
      }
    }
    return parameters.map { parameter in
      parameter.value.withUnsafeBytes { bytes in
        String(
          bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 },
          radix: 16)
      }
    }.joined(separator: " ")
  }
}
