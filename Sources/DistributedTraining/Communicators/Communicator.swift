/// A group of ranks that exchange bytes: processes under MPI, threads of one process, or a single process.
///
/// All ranks call the same operations in the same order, each operation with counts that fit the others'. An operation returns
/// on a rank when its own part is complete. Only one thread of a rank may use a communicator at a time.
///
/// Four operations on bytes are required; sums, maxima, gathering and scattering are made of them. Sums of this
/// package don't use the reductions of MPI, because the order of those is not specified: here every sum has a fixed order,
/// and moves as many bytes.
///
/// An error leaves the ranks at different places. It cannot be recovered from: end the process, and resume from a checkpoint.
public protocol Communicator: AnyObject {
  /// The number of this rank, from 0.
  var rank: Int { get }

  /// The number of ranks.
  var size: Int { get }

  /// Sends a part of `sent` to each rank and receives a part from each.
  ///
  /// - Parameters:
  ///   - sent: The bytes for rank 0, then the bytes for rank 1, and so on.
  ///   - sentCounts: The number of bytes for each rank.
  ///   - received: The memory for the bytes of rank 0, then of rank 1, and so on.
  ///   - receivedCounts: The number of bytes from each rank: as many as it sends here.
  func exchange(
    _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int], into received: UnsafeMutableRawBufferPointer,
    counts receivedCounts: [Int]
  ) throws(CommunicatorError)

  /// Sends the same bytes to all ranks and receives the bytes of each.
  ///
  /// - Parameters:
  ///   - part: The bytes of this rank.
  ///   - whole: The memory for the bytes of rank 0, then of rank 1, and so on.
  ///   - counts: The number of bytes of each rank.
  func gatherAll(
    _ part: UnsafeRawBufferPointer, into whole: UnsafeMutableRawBufferPointer, counts: [Int]
  ) throws(CommunicatorError)

  /// Replaces the bytes of every rank with the bytes of `root`.
  func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) throws(CommunicatorError)

  /// Returns when all ranks have called it.
  func barrier() throws(CommunicatorError)
}

/// An error of a communicator.
public enum CommunicatorError: Error, Sendable, Equatable {
  /// MPI reports an error.
  case mpi(operation: String, message: String)
  /// Another rank has ended with an error.
  case rankFailed(rank: Int, message: String)
  /// Ranks that must be alike differ; the texts name each difference.
  case ranksDiffer([String])
  /// The program runs under a launcher with several ranks, but was built without MPI.
  case builtWithoutMPI(ranks: Int)
}

extension CommunicatorError: CustomStringConvertible {
  /// The problem, its values and the remedy.
  public var description: String {
    switch self {
    case .mpi(let operation, let message):
      "MPI failed to \(operation): \(message). Restart from the last checkpoint."
    case .rankFailed(let rank, let message):
      "Rank \(rank) has failed: \(message)"
    case .ranksDiffer(let differences):
      "The ranks differ, and nothing was changed:" + differences.map { "\n- \($0)" }.joined()
    case .builtWithoutMPI(let ranks):
      "This program was started as one of \(ranks) ranks, but was built without MPI: build it with the trait MPI, or start "
        + "it without a launcher."
    }
  }
}
