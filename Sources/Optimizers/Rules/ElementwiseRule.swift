import KernelInterface
import Tensors

/// A rule that updates every element independently. The engine runs it on blocks, on all threads.
///
///     struct Momentum: ElementwiseRule {
///       static let name = "momentum"
///       static let momentNames = ["momentum"]
///       var learningRate = 1e-2
///       var weightDecay = 0.0
///       var rounding = Rounding.nearest
///       var roundingSeed: UInt64 = 0
///
///       func update<Scalar>(_ block: ElementBlock<Scalar>, step: Int) {
///         let m = block.moments[0]
///         for i in block.indices {
///           m[i] = Scalar(0.9) * m[i] + block.gradient[i]
///           block.parameter[i] -= Scalar(learningRate) * m[i]
///         }
///       }
///     }
///
/// Blocks hold `Float`, or `Double` for Float64 parameters. 16-bit parameters are converted, and rounded back according to
/// `rounding`. The result must not depend on how a tensor is divided into blocks.
///
/// One generic method, as above, satisfies both requirements. There are two so that the compiler specializes the method
/// for each type: through one generic requirement, it would run unspecialized and take 160 times as long.
public protocol ElementwiseRule: RoundedRule where State == MomentState {
  /// The names of the moments. Each moment has the parameter's shape, and none may be named `residual`.
  static var momentNames: [String] { get }

  /// The names of the moments that these options use: a subset of ``momentNames`` in the same order, by default all of them.
  ///
  /// A moment that is missing when it is first used is added as zeros. A moment that is no longer used is kept unchanged.
  var usedMomentNames: [String] { get }

  /// Updates the elements of a block of a parameter that is computed in `Float`.
  ///
  /// - Parameters:
  ///   - block: The elements, with their gradient and moments.
  ///   - step: The step, counted from 1.
  func update(_ block: ElementBlock<Float>, step: Int)

  /// Updates the elements of a block of a Float64 parameter.
  ///
  /// - Parameters:
  ///   - block: The elements, with their gradient and moments.
  ///   - step: The step, counted from 1.
  func update(_ block: ElementBlock<Double>, step: Int)
}

/// A block of a parameter's elements, with their gradient and moments.
public struct ElementBlock<Scalar: BinaryFloatingPoint> {
  /// P, which the update changes.
  public let parameter: UnsafeMutableBufferPointer<Scalar>
  /// G, multiplied by its scale.
  public let gradient: UnsafeBufferPointer<Scalar>
  /// The moments, which the update changes, in the order of the rule's ``ElementwiseRule/usedMomentNames``.
  public let moments: [UnsafeMutableBufferPointer<Scalar>]
  /// Whether the moments are used for the first time, and are therefore zeros.
  public let momentsAreNew: Bool

  /// The indices of the block's elements.
  public var indices: Range<Int> { parameter.indices }
}

extension ElementwiseRule {
  /// All moments.
  public var usedMomentNames: [String] { Self.momentNames }

  /// Returns a state with zeros for each moment in use.
  public func initialState(shape: Shape, scalarType: ScalarType) -> MomentState {
    MomentState(
      Dictionary(
        uniqueKeysWithValues: usedMomentNames.map {
          ($0, Tensor(zeros: shape, as: scalarType.arithmeticType))
        }))
  }

  /// Throws an error for moments or a residual that don't fit the parameter.
  public func check(
    _ state: MomentState, parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    for name in Set(Self.momentNames).union(state.tensors.keys).sorted() where name != residualName {
      try checkMoments(
        name, state.tensors[name], parameter: parameter,
        shape: Self.momentNames.contains(name) ? shape : nil, type: scalarType.arithmeticType)
    }
    try checkResidual(state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
  }

  /// Takes one step of one parameter on this thread. The engine takes the same step block by block.
  public func update(_ parameter: inout Tensor, gradient: Tensor, state: inout MomentState) {
    func update<Scalar: ArithmeticScalar>(_: Scalar.Type) {
      let shape = parameter.shape
      var values = parameter.converted(to: Scalar.scalarType)
      gradient.converted(to: Scalar.scalarType).withElements(of: Scalar.self) { gradient in
        values.withMutableElements(of: Scalar.self) { values in
          let added = addMissingMoments(to: &state, shape: shape, scalarType: Scalar.scalarType)
          let moments = usedMomentNames.map { name in
            let elements = state.tensors[name]!.mutableElements()
            return UnsafeMutableBufferPointer(
              start: elements.address.assumingMemoryBound(to: Scalar.self), count: values.count)
          }
          updateBlock(
            ElementBlock(
              parameter: values, gradient: gradient, moments: moments,
              momentsAreNew: !added.isEmpty || state.step == 1), step: state.step)
        }
      }
      parameter = values.converted(to: parameter.scalarType)
    }
    parameter.scalarType == .float64 ? update(Double.self) : update(Float.self)
  }

  /// Adds zeros for moments that are in use but missing.
  ///
  /// - Returns: Their names.
  func addMissingMoments(to state: inout MomentState, shape: Shape, scalarType: ScalarType) -> [String] {
    let missing = usedMomentNames.filter { state.tensors[$0] == nil }
    for name in missing { state.tensors[name] = Tensor(zeros: shape, as: scalarType.arithmeticType) }
    return missing
  }

  /// Updates a block of `Float` or `Double`.
  func updateBlock<Scalar: ArithmeticScalar>(_ block: ElementBlock<Scalar>, step: Int) {
    if let block = block as? ElementBlock<Float> {
      update(block, step: step)
    } else if let block = block as? ElementBlock<Double> {
      update(block, step: step)
    } else {
      fatalError("A block of \(Scalar.self): steps are computed in Float or Double.")
    }
  }
}
