import Tensors

extension Communicator {
  // MARK: Lists of bytes

  /// Returns the bytes of every rank, which may be of different numbers.
  public func gatherAll(_ bytes: [UInt8]) throws(CommunicatorError) -> [[UInt8]] {
    let counts = try gatherAll(bytes.count)
    var whole = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try bytes.withUnsafeBufferPointer { part throws(CommunicatorError) in
      try whole.withUnsafeMutableBufferPointer { whole throws(CommunicatorError) in
        try gatherAll(
          UnsafeRawBufferPointer(part), into: UnsafeMutableRawBufferPointer(whole), counts: counts)
      }
    }
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(whole[start..<start + count])
    }
  }

  /// Returns the number of every rank.
  public func gatherAll<Value: BitwiseCopyable>(_ value: Value) throws(CommunicatorError) -> [Value] {
    var values = [Value](repeating: value, count: size)
    let counts = [Int](repeating: MemoryLayout<Value>.stride, count: size)
    try [value].withUnsafeBufferPointer { part throws(CommunicatorError) in
      try values.withUnsafeMutableBufferPointer { whole throws(CommunicatorError) in
        try gatherAll(
          UnsafeRawBufferPointer(part), into: UnsafeMutableRawBufferPointer(whole), counts: counts)
      }
    }
    return values
  }

  /// Returns the bytes of every rank on `root`, and an empty list on the other ranks.
  public func gather(_ bytes: [UInt8], at root: Int) throws(CommunicatorError) -> [[UInt8]] {
    let counts = try gatherAll(bytes.count)
    let parts = (0..<size).map { $0 == root ? bytes : [] }
    return try exchange(parts, receiving: rank == root ? counts : counts.map { _ in 0 })
      .filter { _ in rank == root }
  }

  /// Sends each rank its list of bytes from `root`, and returns the list of this rank.
  ///
  /// - Parameters:
  ///   - parts: One list for each rank, on `root`; other ranks' are not looked at.
  ///   - root: The rank that sends.
  public func scatter(_ parts: [[UInt8]], from root: Int) throws(CommunicatorError) -> [UInt8] {
    if rank == root && parts.count != size {
      fatalError("Rank \(root) scatters \(parts.count) parts to \(size) ranks: it needs one for each.")
    }
    var counts = rank == root ? parts.map(\.count) : [Int](repeating: 0, count: size)
    try counts.withUnsafeMutableBufferPointer { counts throws(CommunicatorError) in
      try broadcast(UnsafeMutableRawBufferPointer(counts), from: root)
    }
    let sent = rank == root ? parts : [[UInt8]](repeating: [], count: size)
    let received = (0..<size).map { $0 == root ? counts[rank] : 0 }
    return try exchange(sent, receiving: received)[root]
  }

  /// Sends each rank its list of bytes, and returns the list from each.
  ///
  /// - Parameters:
  ///   - parts: One list for each rank.
  ///   - counts: The number of bytes that each rank sends here.
  public func exchange(
    _ parts: [[UInt8]], receiving counts: [Int]
  ) throws(CommunicatorError) -> [[UInt8]] {
    let sent = Array(parts.joined())
    var received = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try sent.withUnsafeBufferPointer { sent throws(CommunicatorError) in
      try received.withUnsafeMutableBufferPointer { received throws(CommunicatorError) in
        try exchange(
          UnsafeRawBufferPointer(sent), counts: parts.map(\.count),
          into: UnsafeMutableRawBufferPointer(received), counts: counts)
      }
    }
    var start = 0
    return counts.map { count in
      defer { start += count }
      return Array(received[start..<start + count])
    }
  }

  // MARK: Reductions

  /// Replaces numbers by their sums over all ranks, added in the order of the ranks: the same bits on every rank.
  ///
  /// Each rank adds a segment of the numbers of all ranks, and the segments are gathered: 2 (P − 1) / P times the numbers are
  /// sent per rank, as by the fastest reductions of MPI.
  public func sum<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ numbers: UnsafeMutableBufferPointer<Number>
  ) throws(CommunicatorError) {
    try reduce(numbers, +)
  }

  /// Replaces numbers by the largest of all ranks; NaN is larger than any number.
  public func maximum<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ numbers: UnsafeMutableBufferPointer<Number>
  ) throws(CommunicatorError) {
    try reduce(numbers) { $0 > $1 || $0.isNaN ? $0 : $1 }
  }

  /// Replaces a tensor by its sum over all ranks, in the order of the ranks. 16-bit types are added in Float32 and rounded once.
  public func sum(_ tensor: inout Tensor) throws(CommunicatorError) {
    let type = tensor.scalarType
    if type == .float64 {
      try tensor.withMutableElements(of: Double.self) { numbers throws(CommunicatorError) in
        try sum(numbers)
      }
    } else {
      var sum = tensor.converted(to: .float32)
      try sum.withMutableElements(of: Float.self) { numbers throws(CommunicatorError) in
        try self.sum(numbers)
      }
      tensor = sum.converted(to: type)
    }
  }

  private func reduce<Number: BinaryFloatingPoint & BitwiseCopyable>(
    _ numbers: UnsafeMutableBufferPointer<Number>, _ combine: (Number, Number) -> Number
  ) throws(CommunicatorError) {
    let stride = MemoryLayout<Number>.stride
    let segments = (0..<size).map { segment($0, of: numbers.count) }
    let own = segments[rank]
    let received = UnsafeMutableBufferPointer<Number>.allocate(capacity: max(1, own.count * size))
    defer { received.deallocate() }
    try exchange(
      UnsafeRawBufferPointer(numbers), counts: segments.map { $0.count * stride },
      into: UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(received.baseAddress!), count: own.count * size * stride),
      counts: segments.map { _ in own.count * stride })
    for index in 0..<own.count {
      var total = received[index]
      for rank in 1..<max(1, size) { total = combine(total, received[rank * own.count + index]) }
      received[index] = total
    }
    try gatherAll(
      UnsafeRawBufferPointer(start: UnsafeRawPointer(received.baseAddress!), count: own.count * stride),
      into: UnsafeMutableRawBufferPointer(numbers), counts: segments.map { $0.count * stride })
  }

  /// Returns the numbers that a rank adds up: consecutive ones, about as many on each rank.
  func segment(_ rank: Int, of count: Int) -> Range<Int> {
    count * rank / size..<count * (rank + 1) / size
  }

  // MARK: Agreement

  /// Throws an error on every rank if one rank has an error, so that none waits for another.
  ///
  /// - Parameter message: The error of this rank; nil if there is none.
  public func agree(_ message: String?) throws(CommunicatorError) {
    let isFine = try gatherAll(UInt8(message == nil ? 1 : 0))
    if isFine.allSatisfy({ $0 == 1 }) { return }
    let messages = try gatherAll(Array((message ?? "").utf8)).map { String(decoding: $0, as: UTF8.self) }
    let rank = isFine.firstIndex(of: 0)!
    throw .rankFailed(rank: rank, message: messages[rank])
  }

  /// Throws an error that lists every difference unless all ranks have the same facts, in the same order.
  ///
  /// - Parameter facts: Names and values of what must be the same, for example `("learning rate of group 0", "0.001")`.
  public func requireSame(_ facts: [(name: String, value: String)]) throws(CommunicatorError) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for fact in facts {
      for text in [fact.name, fact.value] {
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        // No byte of UTF-8: the end of one text is not the start of the next.
        hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
      }
    }
    try requireSame(digest: hash) { facts }
  }

  /// Throws an error that lists every difference unless all ranks have the same digest of their facts.
  func requireSame(
    digest: UInt64, _ facts: () -> [(name: String, value: String)]
  ) throws(CommunicatorError) {
    if Set(try gatherAll(digest)).count == 1 { return }
    let lines = facts().map { "\($0.name)\u{1F}\($0.value)" }.joined(separator: "\u{1E}")
    let all = try gatherAll(Array(lines.utf8)).map { bytes in
      String(decoding: bytes, as: UTF8.self).split(separator: "\u{1E}").map {
        let parts = $0.split(separator: "\u{1F}", maxSplits: 1, omittingEmptySubsequences: false)
        return (name: String(parts[0]), value: String(parts[1]))
      }
    }
    throw .ranksDiffer(differences(all))
  }

  /// The facts in which ranks differ from rank 0, each with the ranks that have its other values.
  private func differences(_ facts: [[(name: String, value: String)]]) -> [String] {
    let values = facts.map { Dictionary($0.map { ($0.name, $0.value) }) { first, _ in first } }
    var names: [String] = []
    for fact in facts.joined() where !names.contains(fact.name) { names.append(fact.name) }
    var differences = names.compactMap { name -> String? in
      let found = values.map { $0[name] ?? "missing" }
      guard Set(found).count > 1 else { return nil }
      return "\(name): "
        + found.enumerated().map { "\($0.element) on rank \($0.offset)" }.joined(separator: ", ")
    }
    if differences.isEmpty { differences = ["the order of \(names.joined(separator: ", "))"] }
    return differences
  }
}
