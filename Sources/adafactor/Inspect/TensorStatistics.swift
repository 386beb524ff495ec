import ScalarTypes
import Safetensors

/// The norm, extremes and finiteness of numbers that arrive piece by piece.
struct TensorStatistics {
  /// The number of all elements.
  private(set) var count = 0
  /// The number of elements that are neither NaN nor infinite. The norm and the extremes are over these.
  private(set) var finiteCount = 0
  /// Σ x², Σ (x / 2⁶⁰⁰)² and Σ (2⁶⁰⁰ x)²: the square of every number is within the range of one of these.
  private var squares = SIMD3<Double>()
  private static let scales = SIMD3(1, 0x1p-600, 0x1p600)
  private(set) var minimum = Double.infinity
  private(set) var maximum = -Double.infinity

  /// √Σ x².
  var norm: Double {
    let index = squares[0] > 1e-280 ? (squares[0] < .infinity ? 0 : 1) : 2
    return squares[index].squareRoot() / Self.scales[index]
  }

  /// The share of NaN and infinities, or 0 if there are no elements.
  var nonFiniteShare: Double { count == 0 ? 0 : Double(count - finiteCount) / Double(count) }

  mutating func add<Element>(_ elements: UnsafeBufferPointer<Element>, _ value: (Element) -> Double) {
    var (finite, squares, minimum, maximum) = (0, self.squares, self.minimum, self.maximum)
    let scales = Self.scales
    for element in elements {
      let value = value(element)
      guard value.isFinite else { continue }
      finite += 1
      let scaled = value * scales
      squares += scaled * scaled
      minimum = min(minimum, value)
      maximum = max(maximum, value)
    }
    count += elements.count
    finiteCount += finite
    self.squares = squares
    (self.minimum, self.maximum) = (minimum, maximum)
  }

  /// Adds elements of a type of the format. Returns `false` if the type has no statistics.
  private mutating func add(_ bytes: UnsafeRawBufferPointer, _ type: SafetensorsScalarType) -> Bool {
    switch type {
    case .float64: add(bytes.bindMemory(to: Double.self)) { $0 }
    case .float32: add(bytes.bindMemory(to: Float.self)) { Double($0) }
    case .float16:
      #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
        add(bytes.bindMemory(to: Float16.self)) { $0.doubleValue }
      #else
        return false
      #endif
    case .bfloat16: add(bytes.bindMemory(to: BFloat16.self)) { $0.doubleValue }
    case .int64: add(bytes.bindMemory(to: Int64.self)) { Double($0) }
    case .int32: add(bytes.bindMemory(to: Int32.self)) { Double($0) }
    case .int16: add(bytes.bindMemory(to: Int16.self)) { Double($0) }
    case .int8: add(bytes.bindMemory(to: Int8.self)) { Double($0) }
    case .uint64: add(bytes.bindMemory(to: UInt64.self)) { Double($0) }
    case .uint32: add(bytes.bindMemory(to: UInt32.self)) { Double($0) }
    case .uint16: add(bytes.bindMemory(to: UInt16.self)) { Double($0) }
    case .uint8, .bool: add(bytes.bindMemory(to: UInt8.self)) { Double($0) }
    default: return false
    }
    return true
  }

  /// Returns the statistics of a tensor in a file, or `nil` for types without numbers.
  static func of(_ tensor: SafetensorsTensor, in file: SafetensorsFile) throws -> TensorStatistics? {
    var statistics = TensorStatistics()
    guard statistics.add(UnsafeRawBufferPointer(start: nil, count: 0), tensor.scalarType) else { return nil }
    try file.forEachPiece(of: tensor) { _ = statistics.add($0, tensor.scalarType) }
    return statistics
  }
}
