/// The communicator of a process that is the only rank: nothing is sent. It is in every build.
public final class SingleProcess: Communicator {
  /// Creates the communicator.
  public init() {}

  /// 0.
  public var rank: Int { 0 }

  /// 1.
  public var size: Int { 1 }

  /// Copies the bytes.
  public func exchange(
    _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int], into received: UnsafeMutableRawBufferPointer,
    counts receivedCounts: [Int]
  ) throws(CommunicatorError) {
    received.copyMemory(from: UnsafeRawBufferPointer(rebasing: sent[..<sentCounts[0]]))
  }

  /// Copies the bytes.
  public func gatherAll(
    _ part: UnsafeRawBufferPointer, into whole: UnsafeMutableRawBufferPointer, counts: [Int]
  ) throws(CommunicatorError) {
    whole.copyMemory(from: part)
  }

  /// Does nothing.
  public func broadcast(
    _ bytes: UnsafeMutableRawBufferPointer, from root: Int
  ) throws(CommunicatorError) {}

  /// Does nothing.
  public func barrier() throws(CommunicatorError) {}
}
