import KernelInterface
import Tensors

/// The state of one parameter of ``Adafactor``.
///
/// A factored matrix of n × m elements takes n + m numbers; Adam takes 2·n·m. Numbers are Float32, or Float64 for Float64
/// parameters. The reference's names are in brackets.
public struct AdafactorState: ParameterState, Equatable {
  /// t, the number of steps taken [`step`].
  public var step: Int

  /// R, row second moments: the parameter's shape without its last axis [`exp_avg_sq_row`]; nil for vectors.
  public internal(set) var rowMoments: Tensor?

  /// C, column second moments: the shape without its second-last axis [`exp_avg_sq_col`]; nil for vectors.
  public internal(set) var columnMoments: Tensor?

  /// V, the second moment of each element of a vector or scalar [`exp_avg_sq`]; nil for matrices.
  public internal(set) var secondMoments: Tensor?

  /// M, the average of updates, with `beta1` [`exp_avg`].
  public internal(set) var firstMoments: Tensor?

  /// The rounding error of a 16-bit parameter with ``Rounding/compensated``, in the parameter's type [`residual`].
  public internal(set) var residual: Tensor?

  /// RMS(P) before the last step [`RMS`]; nil if that step was not scaled by it.
  public internal(set) var rootMeanSquare: Double?

  var valueCheck = ValueCheck()

  /// Creates the state before the first step of a parameter.
  ///
  /// - Parameters:
  ///   - shape: The parameter's shape. Moments are factored if it has at least two axes.
  ///   - scalarType: The parameter's type.
  ///   - hasFirstMoments: Whether updates are averaged.
  public init(shape: Shape, scalarType: ScalarType, hasFirstMoments: Bool) {
    let arithmetic = scalarType.arithmeticType
    step = 0
    valueCheck.isDone = true
    if shape.rank >= 2 {
      rowMoments = Tensor(zeros: shape.removing(axis: -1), as: arithmetic)
      columnMoments = Tensor(zeros: shape.removing(axis: -2), as: arithmetic)
      shareEqualMoments()
    } else {
      secondMoments = Tensor(zeros: shape, as: arithmetic)
    }
    if hasFirstMoments {
      firstMoments = Tensor(zeros: shape, as: arithmetic)
    }
  }

  /// Creates a state from its parts, such as the parts of a checkpoint or of the reference.
  public init(
    step: Int, rowMoments: Tensor? = nil, columnMoments: Tensor? = nil, secondMoments: Tensor? = nil,
    firstMoments: Tensor? = nil, residual: Tensor? = nil, rootMeanSquare: Double? = nil
  ) {
    self.step = step
    self.rowMoments = rowMoments
    self.columnMoments = columnMoments
    self.secondMoments = secondMoments
    self.firstMoments = firstMoments
    self.residual = residual
    self.rootMeanSquare = rootMeanSquare
    shareEqualMoments()
  }
}

// MARK: Parts

extension AdafactorState {
  private static var parts: [(name: String, part: WritableKeyPath<Self, Tensor?>)] {
    [
      ("exp_avg_sq_row", \.rowMoments), ("exp_avg_sq_col", \.columnMoments),
      ("exp_avg_sq", \.secondMoments), ("exp_avg", \.firstMoments), (residualName, \.residual),
    ]
  }

  /// The reference's names of R, C, V and M, and the name of the residual, which the reference does not have.
  public static var tensorNames: [String]? { parts.map(\.name) }

  /// The reference's name of RMS(P).
  public static var numberNames: [String] { ["RMS"] }

  /// Creates a state from named parts. 16-bit moments are widened.
  public init(step: Int, tensors: [String: Tensor], numbers: [String: Double]) {
    self.init(step: step, rootMeanSquare: numbers["RMS"])
    for (name, part) in Self.parts {
      self[keyPath: part] = name == residualName ? tensors[name] : tensors[name]?.widened
    }
    shareEqualMoments()
  }

  /// The moments and the residual that exist.
  public var tensors: [String: Tensor] {
    Self.parts.reduce(into: [:]) { $0[$1.name] = self[keyPath: $1.part] }
  }

  /// RMS(P), if it is known.
  public var numbers: [String: Double] { rootMeanSquare.map { ["RMS": $0] } ?? [:] }
}

// MARK: Memory

extension AdafactorState {
  /// Returns the addresses of R and C of a factored tensor for writing. They are valid until the state is copied or changed.
  mutating func factoredMoments() -> (rows: MutableElements, columns: MutableElements) {
    let areShared = momentsAreShared
    // Release one reference first, or the other tensor would be copied before it is written.
    if areShared { rowMoments = nil }
    let columns = columnMoments!.mutableElements()
    if areShared {
      rowMoments = columnMoments
      return (columns, columns)
    }
    return (rowMoments!.mutableElements(), columns)
  }

  /// Whether R and C of matrices of one element share one memory. For other matrices, R and C are written separately, even
  /// if both were created from the same tensor.
  var momentsAreShared: Bool {
    guard let rowMoments, let columnMoments else { return false }
    return rowMoments.memory == columnMoments.memory && rowMoments.shape == columnMoments.shape
      && rowMoments.shape.dimensions.last == 1
  }

  /// Makes R and C of many trailing matrices of one element share their memory if they are equal. Convolutions of 1 × 1 have
  /// such matrices. R and C average the same squares and stay equal after every step.
  mutating func shareEqualMoments() {
    // The shapes are equal and end in 1, so each matrix has one row and one column.
    guard let rowMoments, rowMoments.elementCount > 1, rowMoments.shape.dimensions.last == 1,
      rowMoments == columnMoments
    else { return }
    columnMoments = rowMoments
  }
}

extension Shape {
  /// The shapes of Adafactor's second moments by name: R and C, or V of vectors and scalars.
  package var factoredMoments: [String: Shape] {
    rank < 2
      ? ["exp_avg_sq": self] : ["exp_avg_sq_row": removing(axis: -1), "exp_avg_sq_col": removing(axis: -2)]
  }
}
