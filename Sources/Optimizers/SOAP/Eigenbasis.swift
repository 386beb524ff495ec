import Tensors

/// The approximate eigenbases of Shampoo's preconditioners, one per axis, in which SOAP keeps its moments.
///
/// Axis k of a parameter has a preconditioner A_k [`GG_k`], d × d for an axis of length d, and an orthogonal matrix Q_k [`Q_k`]
/// whose columns approximate its eigenvectors, by descending eigenvalue. An axis without preconditioner has neither tensor.
struct Eigenbasis {
  /// β_s, the decay of the preconditioners.
  var decay: Double
  /// f, the number of updates between two refreshes.
  var frequency: Int
  /// Whether axes are refreshed at different steps.
  var spreadsRefresh: Bool

  /// The names of the tensors of an axis.
  static func names(of axis: Int) -> (preconditioner: String, basis: String) { ("GG_\(axis)", "Q_\(axis)") }
  /// The number of steps by which the refreshes of a parameter come early, if they are spread.
  static let phaseName = "refresh_phase"

  /// The axes of a shape that get a preconditioner.
  static func axes(of shape: Shape, maxLength: Int, includesVectors: Bool) -> [Int] {
    guard shape.rank > 1 || includesVectors else { return [] }
    return shape.dimensions.indices.filter { shape[$0] <= maxLength }
  }

  /// The shapes of the tensors of a parameter, as its first gradient makes them.
  static func shapes(of shape: Shape, axes: [Int], isSpread: Bool) -> [String: Shape] {
    var shapes: [String: Shape] = [:]
    for axis in axes {
      let names = names(of: axis)
      shapes[names.preconditioner] = [shape[axis], shape[axis]]
      shapes[names.basis] = [shape[axis], shape[axis]]
    }
    if isSpread && !axes.isEmpty { shapes[phaseName] = [] }
    return shapes
  }

  // MARK: Rotations

  /// Q_k for each axis, nil for the axes without preconditioner.
  static func bases(of state: MomentState, rank: Int) -> [Tensor?] {
    (0..<rank).map { state.tensors[names(of: $0).basis] }
  }

  /// Returns X in the bases, Q₁ᵀ X Q₂ for a matrix; or from them back to the original space, Q₁ X Q₂ᵀ.
  static func rotate(_ tensor: Tensor, by bases: [Tensor?], back: Bool = false) -> Tensor {
    guard bases.contains(where: { $0 != nil }) else { return tensor }
    var result = tensor
    for (length, basis) in zip(tensor.shape.dimensions, bases) {
      let unfolded = result.reshaped(to: [length, tensor.elementCount / length])
      // The first axis becomes the last: in the end, all are in order again.
      result =
        basis.map { unfolded.matmul($0, transposed: true, otherTransposed: back) } ?? unfolded.transposed()
    }
    return result.reshaped(to: tensor.shape)
  }

  // MARK: Initialization

  /// Creates the preconditioners of these axes from the first gradient, and their eigenvectors.
  ///
  /// Returns false, and leaves the state as it was, if an eigendecomposition does not converge.
  func initialize(_ state: inout MomentState, gradient: Tensor, axes: [Int]) -> Bool {
    var new = state
    for axis in axes {
      let length = gradient.shape[axis]
      new.tensors[Self.names(of: axis).preconditioner] = Tensor(
        zeros: [length, length], as: gradient.scalarType)
    }
    average(gradient, axes: axes, decay: 0, into: &new)
    for axis in axes {
      let names = Self.names(of: axis)
      var matrix = new[names.preconditioner]
      for i in 0..<matrix.shape[0] { matrix[i, i] += 1e-30 }
      guard let decomposition = try? matrix.eigh() else { return false }
      // Ascending eigenvalues become descending.
      new.tensors[names.basis] =
        decomposition.rows.rows(at: (0..<matrix.shape[0]).reversed()).transposed()
    }
    if spreadsRefresh && !axes.isEmpty {
      new.tensors[Self.phaseName] = Tensor(
        repeating: Double(gradient.hash % UInt64(min(frequency, 1 << 16))), shape: [],
        as: gradient.scalarType)
    }
    state = new
    return true
  }

  /// A_k ← β A_k + (1−β_s) G₍ₖ₎ G₍ₖ₎ᵀ, with the unfolding G₍ₖ₎ along axis k: its rows are the slices of that axis.
  private func average(_ gradient: Tensor, axes: [Int], decay β: Double, into state: inout MomentState) {
    let rank = gradient.shape.rank
    var unfolded = gradient
    for (axis, length) in gradient.shape.dimensions.enumerated() {
      let rest = gradient.elementCount / length
      // The last axis needs no copy: its slices are columns.
      let isLast = axis == rank - 1
      unfolded = isLast ? gradient.reshaped(to: [rest, length]) : unfolded.reshaped(to: [length, rest])
      if axes.contains(axis) {
        state[Self.names(of: axis).preconditioner].addSymmetricProduct(
          of: unfolded, transposed: isLast, alpha: 1 - decay, beta: β)
      }
      if axis + 2 < rank { unfolded = unfolded.transposed() }
    }
  }

  // MARK: Updates

  /// Averages the gradient into the preconditioners, and refreshes the bases that are due, with the moments in them.
  func update(_ state: inout MomentState, gradient: Tensor) {
    let bases = Self.bases(of: state, rank: gradient.shape.rank)
    let axes = bases.indices.filter { bases[$0] != nil }
    average(gradient, axes: axes, decay: decay, into: &state)
    let phase = spreadsRefresh ? state.tensors[Self.phaseName].map { Int($0.sum()) } ?? 0 : 0
    let due = axes.indices.filter {
      let delay = spreadsRefresh ? phase + $0 * frequency / axes.count : 0
      return (state.step + delay) % frequency == 0
    }
    if !due.isEmpty { refresh(due.map { axes[$0] }, bases, &state) }
  }

  /// Q_k ← the orthogonal factor of A_k Q_k, which is one power iteration, with columns by descending Rayleigh quotient.
  ///
  /// Second moments are permuted like the columns. First moments go through the original space: M ← Q'ᵀ (Q M Qᵀ) Q'.
  private func refresh(_ axes: [Int], _ bases: [Tensor?], _ state: inout MomentState) {
    let old = bases.indices.map { axes.contains($0) ? bases[$0] : nil }
    var new = old
    for axis in axes {
      let names = Self.names(of: axis)
      let product = state[names.preconditioner].matmul(old[axis]!)
      let quotients = (old[axis]! * product).sum(axis: -2).scalars(as: Double.self)
      let order = quotients.indices.sorted { (quotients[$0], $1) > (quotients[$1], $0) }
      // A preconditioner that is not finite, from a damaged state, keeps the basis.
      guard let factors = try? product.selecting(order, axis: 1).qr() else { continue }
      new[axis] = factors.q
      state.tensors[names.basis] = factors.q
      state.permuteSecondMoments(order, axis: axis, rank: bases.count)
    }
    if let moments = state.tensors["exp_avg"] {
      state.tensors["exp_avg"] = Self.rotate(Self.rotate(moments, by: old, back: true), by: new)
    }
  }
}

extension MomentState {
  /// Permutes the second moments along an axis of the parameter: V, or R and C, each of which lacks one axis.
  fileprivate mutating func permuteSecondMoments(_ order: [Int], axis: Int, rank: Int) {
    let missingAxes = ["exp_avg_sq": rank, "exp_avg_sq_row": rank - 1, "exp_avg_sq_col": rank - 2]
    for (name, missing) in missingAxes where axis != missing {
      tensors[name] = tensors[name]?.selecting(order, axis: axis > missing ? axis - 1 : axis)
    }
  }
}

extension Tensor {
  /// Whether all products of a gradient with its transpose are finite: none is larger than the sum of all squares.
  ///
  /// The limit is a quarter of the greatest number, which leaves room for averages and rounding.
  var hasFiniteSquares: Bool {
    let greatest =
      scalarType == .float64 ? Double.greatestFiniteMagnitude : Double(Float.greatestFiniteMagnitude)
    return dot(self) <= greatest / 4
  }

  /// A number that depends on the bits of all elements (FNV-1a).
  fileprivate var hash: UInt64 {
    withUnsafeBytes { Rounding.hash(of: $0) }
  }
}

// MARK: Checks

extension UpdateRule where State == MomentState {
  /// Throws an error for moments, bases or a residual that don't fit the parameter. A state without moments is before its
  /// first gradient. An axis has a preconditioner and a basis, or neither.
  func checkEigenbasis(
    _ state: MomentState, moments: [String: Shape], parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    try checkResidual(state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
    var found = state.tensors
    found[residualName] = nil
    if found.isEmpty { return }
    var expected = moments
    for (axis, length) in shape.dimensions.enumerated() {
      let names = Eigenbasis.names(of: axis)
      if found[names.basis] != nil || found[names.preconditioner] != nil {
        expected[names.basis] = [length, length]
        expected[names.preconditioner] = [length, length]
      }
    }
    if found[Eigenbasis.phaseName] != nil { expected[Eigenbasis.phaseName] = [] }
    for name in Set(expected.keys).union(found.keys).sorted() {
      try checkMoments(
        name, found[name], parameter: parameter, shape: expected[name], type: scalarType.arithmeticType)
    }
  }
}
