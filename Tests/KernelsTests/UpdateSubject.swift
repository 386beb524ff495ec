import KernelInterface
import TestSupport

/// The settings with which an update is applied to a parameter.
struct UpdateKind {
  var shrinkage: Double
  var hasMomentum: Bool
  var rounding: Rounding

  enum Rounding { case nearest, stochastic, compensated }

  /// Returns settings with and without weight decay and momentum and, for a 16-bit parameter, with every
  /// rounding.
  static func all(of type: ScalarType) -> [UpdateKind] {
    let plain = [(0, false), (0.0625, false), (0, true), (0.0625, true)].map {
      UpdateKind(shrinkage: $0, hasMomentum: $1, rounding: .nearest)
    }
    if type.byteCount > 2 { return plain }
    return plain + [
      UpdateKind(shrinkage: 0, hasMomentum: true, rounding: .stochastic),
      UpdateKind(shrinkage: 0.0625, hasMomentum: false, rounding: .compensated),
    ]
  }
}

/// A parameter, its gradient and the other inputs of an update, with the same numbers each time.
struct UpdateSubject {
  let piece: GradientPiece
  let parameter: TestElements
  private let gradient: TestElements
  private let firstMoments: TestElements
  private let residual: TestElements
  private let kind: UpdateKind
  private let arithmetic: ScalarType

  let average = MomentAverage(decay: 0.78, weight: 0.22, epsilon: 1e-3, count: 7)

  init(
    _ parameterType: ScalarType, _ gradientType: ScalarType, _ shape: (rows: Int, columns: Int, gap: Int),
    _ kind: UpdateKind = UpdateKind(shrinkage: 0, hasMomentum: false, rounding: .nearest)
  ) {
    arithmetic = parameterType.arithmeticType
    self.kind = kind
    func matrix(_ type: ScalarType, seed: Int) -> TestElements {
      var numbers = TestNumbers(seed: seed)
      return TestElements(
        numbers.spread(count: shape.rows * shape.columns), type, rows: shape.rows, columns: shape.columns,
        gap: shape.gap)
    }
    gradient = matrix(gradientType, seed: 1)
    parameter = matrix(parameterType, seed: 2)
    firstMoments = matrix(arithmetic, seed: 3)
    residual = matrix(parameterType, seed: 4)
    piece = gradient.piece(scale: 1.0 / 3)
  }

  /// Returns positive numbers of the arithmetic type.
  func moments(_ count: Int, seed: Int) -> TestElements {
    var numbers = TestNumbers(seed: seed + 100)
    return TestElements(numbers.spread(count: count, Double.self).map { $0.magnitude + 0.0625 }, arithmetic)
  }

  func zeros(_ count: Int) -> TestElements { TestElements([Double](repeating: 0, count: count), arithmetic) }

  var change: ParameterChange {
    let rounding: ParameterRounding =
      switch kind.rounding {
      case .nearest: .nearest
      case .stochastic: .stochastic(key: 0x1234_5678_9ABC_DEF0, first: 5)
      case .compensated: .compensated(residual: residual.writing)
      }
    return ParameterChange(
      shrinkage: kind.shrinkage, momentum: kind.hasMomentum ? (firstMoments.writing, 0.9) : nil,
      rounding: rounding)
  }

  /// Returns the bits of everything that an update writes.
  func results(_ name: String) -> [(name: String, bits: [UInt8])] {
    [
      (name, parameter.bytes), ("\(name), first moments", firstMoments.bytes),
      ("\(name), residual", residual.bytes),
    ]
  }
}
