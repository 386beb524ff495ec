import CLibrary

/// The launcher that a process was started by, as its environment shows.
public enum Launcher {
  /// The number of ranks of the job that this process is one of; nil without a launcher.
  ///
  /// Open MPI sets OMPI_COMM_WORLD_SIZE, MPICH and Slurm's interfaces for MPI set PMI_SIZE.
  public static var rankCount: Int? {
    for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
      if let value = getenv(name), let count = Int(String(cString: value)) { return count }
    }
    return nil
  }

  /// Throws an error if this process is one of several ranks, but the program was built without MPI. Every rank would do
  /// everything, and all would write to the same files.
  ///
  /// - Throws: ``CommunicatorError/builtWithoutMPI(ranks:)``.
  public static func requireMPI() throws(CommunicatorError) {
    #if !MPI
      if let count = rankCount, count > 1 { throw .builtWithoutMPI(ranks: count) }
    #endif
  }
}
