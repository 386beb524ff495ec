import Checkpoints
import Optimizers
import Safetensors
import ScalarTypes

/// The size of an optimizer state, compared with AdamW's for the same parameters.
struct StateInspection {
  /// The kind of optimizer, if the file names it.
  let optimizer: String?
  /// The range from the fewest to the most steps of a parameter.
  let steps: ClosedRange<Int>
  let parameterCount: Int
  private(set) var elementCount = 0
  /// The number of bytes of the state's tensors.
  let byteCount: Int
  /// The number of bytes of AdamW's two moments for every element.
  private(set) var adamwByteCount = 0

  /// Creates the inspection of a state, or returns `nil` if no parameter in the file counts its steps.
  init?(_ file: SafetensorsFile) throws {
    var parts: [ExactString: [String: SafetensorsTensor]] = [:]
    for tensor in file.tensors {
      guard let (parameter, part) = StateNames.split(tensor.name) else { return nil }
      parts[ExactString(parameter), default: [:]][part] = tensor
    }
    var steps: [Int] = []
    for tensors in parts.values {
      guard let counter = tensors[StateNames.step], counter.shape.isEmpty,
        let step = try file.readInteger(counter), let moments = Self.moments(tensors)
      else { return nil }
      // A moment without elements can have an axis of any length.
      let bytes = moments.elementCount.multipliedReportingOverflow(by: 2 * moments.elementByteCount)
      let sum = adamwByteCount.addingReportingOverflow(bytes.partialValue)
      guard !bytes.overflow, !sum.overflow, moments.elementByteCount > 0 else { return nil }
      steps.append(step)
      elementCount += moments.elementCount
      adamwByteCount = sum.partialValue
    }
    guard let least = steps.min(), let most = steps.max() else { return nil }
    optimizer = file.metadata[StateNames.optimizerKey]
    self.steps = least...most
    parameterCount = steps.count
    byteCount = file.header.dataByteCount
  }

  /// Returns the number of elements of the parameter that a state belongs to and the bytes of one moment, or
  /// `nil` if the tensors are no state.
  private static func moments(
    _ tensors: [String: SafetensorsTensor]
  ) -> (elementCount: Int, elementByteCount: Int)? {
    func bytes(_ tensor: SafetensorsTensor) -> Int { tensor.scalarType.bitCount / 8 }
    if let full = tensors["exp_avg_sq"] ?? tensors["exp_avg"] { return (full.elementCount, bytes(full)) }
    guard let rows = tensors["exp_avg_sq_row"], let columns = tensors["exp_avg_sq_col"],
      let width = columns.shape.last
    else { return nil }
    let (count, overflows) = rows.elementCount.multipliedReportingOverflow(by: width)
    return overflows ? nil : (count, bytes(rows))
  }
}
