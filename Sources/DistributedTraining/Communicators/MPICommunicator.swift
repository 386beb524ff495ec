#if MPI
  import CLibrary
  import CMPI

  /// The ranks of an MPI job: one process each, on one machine or several.
  ///
  ///     try MPICommunicator.run { communicator in
  ///       print("rank \(communicator.rank) of \(communicator.size)")
  ///     }
  ///
  /// Start the program by `mpirun -n 4 program`. Without a launcher it is the only rank.
  ///
  /// MPI is initialized for calls from any thread, one at a time. Its errors are thrown, with its text. It is in builds with
  /// the trait `MPI`, for Open MPI or for MPICH: a program built for one of them needs the launcher of the same.
  public final class MPICommunicator: Communicator {
    /// The number of this rank, from 0.
    public let rank: Int

    /// The number of ranks.
    public let size: Int

    private let comm: cmpi_comm

    /// The maximum number of bytes of one message. MPI counts in 32 bits; larger messages are sent in pieces.
    package var largestMessage = 1 << 30

    /// Runs `body` as one rank of the job, then ends MPI.
    ///
    /// If `body` throws, the error is printed with the number of the rank, and all ranks of the job are ended with the status 1.
    /// So no rank waits for one that has failed.
    ///
    /// - Throws: ``CommunicatorError/mpi(operation:message:)`` if MPI can't be initialized.
    /// - Precondition: it is called once in a process.
    public static func run<Result>(
      _ body: (MPICommunicator) throws -> Result
    ) throws(CommunicatorError) -> Result {
      var isInitialized: Int32 = 0
      _ = cmpi_is_initialized(&isInitialized)
      guard isInitialized == 0 else {
        fatalError("MPI is initialized already: a process calls MPICommunicator.run once.")
      }
      var level: Int32 = 0
      try check(cmpi_init(&level), "initialize")
      guard cmpi_is_serialized(level) != 0 else {
        _ = cmpi_finalize()
        throw .mpi(
          operation: "initialize",
          message:
            "this MPI allows calls from its first thread only (level \(level)); MPI_THREAD_SERIALIZED is needed"
        )
      }
      let communicator = try MPICommunicator()
      let result: Result
      do {
        result = try body(communicator)
      } catch {
        let text = Array("rank \(communicator.rank): \(error)\n".utf8)
        _ = fflush(nil)
        _ = write(2, text, text.count)
        _ = cmpi_abort(1)
        exit(1)
      }
      try communicator.end()
      return result
    }

    private init() throws(CommunicatorError) {
      var world = cmpi_comm()
      try Self.check(cmpi_world(&world), "make a communicator of all ranks")
      comm = world
      var (rank, size): (Int32, Int32) = (0, 0)
      try Self.check(cmpi_rank(comm, &rank), "tell the rank")
      try Self.check(cmpi_size(comm, &size), "tell the number of ranks")
      (self.rank, self.size) = (Int(rank), Int(size))
    }

    private func end() throws(CommunicatorError) {
      var comm = comm
      try Self.check(cmpi_free(&comm), "free the communicator")
      try Self.check(cmpi_finalize(), "finalize")
    }

    /// The name and the version of the MPI library.
    public static var libraryVersion: String {
      text { cmpi_library_version($0, $1) }
    }

    // MARK: Operations

    /// Sends a part of `sent` to each rank and receives a part from each, by messages between pairs of ranks. A pair without
    /// bytes sends nothing.
    public func exchange(
      _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int],
      into received: UnsafeMutableRawBufferPointer, counts receivedCounts: [Int]
    ) throws(CommunicatorError) {
      let (sentPlaces, receivedPlaces) = (places(sentCounts), places(receivedCounts))
      try sendInPieces(
        sends: sentCounts.indices.map { (sentPlaces[$0], sentCounts[$0]) }, sent,
        receives: receivedCounts.indices.map { (receivedPlaces[$0], receivedCounts[$0]) }, received)
    }

    /// Sends the same bytes to all ranks and receives the bytes of each: `MPI_Allgatherv`, or messages in pieces if there are too
    /// many bytes for it.
    public func gatherAll(
      _ part: UnsafeRawBufferPointer, into whole: UnsafeMutableRawBufferPointer, counts: [Int]
    ) throws(CommunicatorError) {
      let places = places(counts)
      if places[size] <= largestMessage {
        try Self.check(
          cmpi_gather_all(
            comm, part.baseAddress, Int32(part.count), whole.baseAddress, counts.map(Int32.init),
            places.map { Int32($0) }),
          "gather \(places[size]) bytes")
        return
      }
      try sendInPieces(
        sends: counts.map { _ in (0, part.count) }, part,
        receives: counts.indices.map { (places[$0], counts[$0]) }, whole)
    }

    /// Replaces the bytes of every rank with the bytes of `root`: `MPI_Bcast`, in pieces if there are too many bytes for one.
    public func broadcast(
      _ bytes: UnsafeMutableRawBufferPointer, from root: Int
    ) throws(CommunicatorError) {
      for start in stride(from: 0, to: bytes.count, by: largestMessage) {
        let count = min(largestMessage, bytes.count - start)
        try Self.check(
          cmpi_broadcast(comm, bytes.baseAddress! + start, Int32(count), Int32(root)),
          "broadcast \(count) bytes")
      }
    }

    /// Returns when all ranks have called it: `MPI_Barrier`.
    public func barrier() throws(CommunicatorError) {
      try Self.check(cmpi_barrier(comm), "meet at a barrier")
    }

    /// Replaces numbers by their sums in an order that MPI chooses: `MPI_Allreduce`. It may give other bits for another number
    /// of ranks or of numbers; it is there to be compared with.
    package func sumInAnyOrder(_ numbers: UnsafeMutableBufferPointer<Double>) throws(CommunicatorError) {
      try Self.check(
        cmpi_sum_in_any_order(comm, numbers.baseAddress, Int32(numbers.count)),
        "sum \(numbers.count) numbers")
    }

    // MARK: Pieces

    /// Sends and receives any numbers of bytes by messages between pairs of ranks. Messages of a pair arrive in their order.
    private func sendInPieces(
      sends: [(start: Int, count: Int)], _ sent: UnsafeRawBufferPointer,
      receives: [(start: Int, count: Int)], _ received: UnsafeMutableRawBufferPointer
    ) throws(CommunicatorError) {
      func pieces(_ parts: [(start: Int, count: Int)]) -> [(rank: Int, start: Int, count: Int)] {
        parts.enumerated().flatMap { rank, part in
          stride(from: 0, to: part.count, by: largestMessage).map {
            (rank, part.start + $0, min(largestMessage, part.count - $0))
          }
        }.filter { $0.rank != self.rank }
      }
      let (out, into) = (pieces(sends), pieces(receives))
      let (own, place) = (sends[rank], receives[rank].start)
      guard own.count == receives[rank].count else {
        fatalError("Rank \(rank) sends \(own.count) bytes to itself and expects \(receives[rank].count).")
      }
      if own.count > 0 {
        (received.baseAddress! + place).copyMemory(
          from: sent.baseAddress! + own.start, byteCount: own.count)
      }
      let requests = UnsafeMutablePointer<cmpi_request>.allocate(capacity: max(1, out.count + into.count))
      defer { requests.deallocate() }
      for (index, piece) in into.enumerated() {
        try Self.check(
          cmpi_receive(
            comm, received.baseAddress! + piece.start, Int32(piece.count), Int32(piece.rank),
            requests + index), "receive \(piece.count) bytes from rank \(piece.rank)")
      }
      for (index, piece) in out.enumerated() {
        try Self.check(
          cmpi_send(
            comm, sent.baseAddress! + piece.start, Int32(piece.count), Int32(piece.rank),
            requests + into.count + index), "send \(piece.count) bytes to rank \(piece.rank)")
      }
      try Self.check(cmpi_wait(Int32(out.count + into.count), requests), "exchange messages in pieces")
    }

    /// The start of each part, and the end of the last.
    private func places(_ counts: [Int]) -> [Int] {
      counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }

    // MARK: Errors

    private static func check(_ error: Int32, _ operation: String) throws(CommunicatorError) {
      guard cmpi_is_success(error) == 0 else { return }
      throw .mpi(operation: operation, message: text { cmpi_error_string(error, $0, $1) })
    }

    /// The text that a function of MPI writes.
    private static func text(
      _ write: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
    ) -> String {
      var length: Int32 = 0
      return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(cmpi_text_capacity()) + 1) {
        buffer in
        _ = write(buffer.baseAddress!, &length)
        return String(
          decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
    }
  }
#endif
