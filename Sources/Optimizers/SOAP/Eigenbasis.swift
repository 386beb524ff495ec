import Tensors

/// The approximate eigenbases of Shampoo's preconditioners, one per axis, in which SOAP keeps its moments.
///
/// Axis k of a parameter has a preconditioner A_k [`GG_k`], d × d for an axis of length d, and an orthogonal matrix Q_k
/// [`Q_k`] with columns that approximate the eigenvectors of A_k, by descending eigenvalue. An axis without a preconditioner
/// has neither tensor.
struct Eigenbasis {
  /// The lengths of the axes: the parameter's shape, or the shape with merged axes.
  var shape: Shape
  /// β_s, the decay of the preconditioners.
  var decay: Double
  /// f, the number of updates between two refreshes.
  var frequency: Int
  /// Whether axes are refreshed at different steps.
  var spreadsRefresh: Bool

  /// Returns the names of the tensors of an axis.
  static func names(of axis: Int) -> (preconditioner: String, basis: String) { ("GG_\(axis)", "Q_\(axis)") }
  /// The name of the number of steps by which the refreshes of a parameter are early, if they are spread.
  static let phaseName = "refresh_phase"

  /// Returns the axes of a shape that have a preconditioner.
  static func axes(of shape: Shape, maxLength: Int, includesVectors: Bool) -> [Int] {
    guard shape.rank > 1 || includesVectors else { return [] }
    return shape.dimensions.indices.filter { shape[$0] <= maxLength }
  }

  /// Returns the shapes of a parameter's tensors after its first gradient.
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

  /// Returns Q_k for each axis, or nil for axes without a preconditioner.
  func bases(of state: MomentState) -> [Tensor?] {
    shape.dimensions.indices.map { state.tensors[Self.names(of: $0).basis] }
  }

  /// Returns X in the bases (Q₁ᵀ X Q₂ for a matrix), or with `back`, X in the original space (Q₁ X Q₂ᵀ).
  func rotate(_ tensor: Tensor, by bases: [Tensor?], back: Bool = false) -> Tensor {
    guard bases.contains(where: { $0 != nil }) else { return tensor }
    var result = tensor
    for (length, basis) in zip(shape.dimensions, bases) {
      let unfolded = result.reshaped(to: [length, tensor.elementCount / length])
      // Each product moves the first axis to the end, so the final order is the original one.
      result =
        basis.map { unfolded.matmul($0, transposed: true, otherTransposed: back) } ?? unfolded.transposed()
    }
    return result.reshaped(to: tensor.shape)
  }

  // MARK: Initialization

  /// Creates the preconditioners of these axes, and their eigenvectors, from the first gradient.
  ///
  /// Returns false without changing the state if an eigendecomposition does not converge.
  func initialize(_ state: inout MomentState, gradient: Tensor, axes: [Int]) -> Bool {
    var new = state
    for axis in axes {
      let length = shape[axis]
      new.tensors[Self.names(of: axis).preconditioner] = Tensor(
        zeros: [length, length], as: gradient.scalarType)
    }
    average(gradient, axes: axes, decay: 0, into: &new)
    for axis in axes {
      let names = Self.names(of: axis)
      var matrix = new[names.preconditioner]
      for i in 0..<matrix.shape[0] { matrix[i, i] += 1e-30 }
      guard let decomposition = try? matrix.eigh() else { return false }
      // Reverse the eigenvectors, which come by ascending eigenvalue.
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

  /// Sets A_k ← β A_k + (1−β_s) G₍ₖ₎ G₍ₖ₎ᵀ. The rows of the unfolding G₍ₖ₎ are the slices along axis k.
  private func average(_ gradient: Tensor, axes: [Int], decay β: Double, into state: inout MomentState) {
    let rank = shape.rank
    var unfolded = gradient
    for (axis, length) in shape.dimensions.enumerated() {
      let rest = gradient.elementCount / length
      // The last axis needs no copy, because its slices are columns.
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

  /// Averages the gradient into the preconditioners, and refreshes the bases that are due, along with their moments.
  func update(_ state: inout MomentState, gradient: Tensor) {
    let bases = bases(of: state)
    let axes = bases.indices.filter { bases[$0] != nil }
    average(gradient, axes: axes, decay: decay, into: &state)
    let phase = spreadsRefresh ? state.tensors[Self.phaseName].map { Int($0.sum()) } ?? 0 : 0
    let due = axes.indices.filter {
      let delay = spreadsRefresh ? phase + $0 * frequency / axes.count : 0
      return (state.step + delay) % frequency == 0
    }
    if !due.isEmpty { refresh(due.map { axes[$0] }, bases, &state) }
  }

  /// Sets Q_k ← the orthogonal factor of A_k Q_k (one power iteration), with columns by descending Rayleigh quotient.
  ///
  /// Second moments are permuted in the same way as the columns. First moments are rotated through the original space:
  /// M ← Q'ᵀ (Q M Qᵀ) Q'.
  private func refresh(_ axes: [Int], _ bases: [Tensor?], _ state: inout MomentState) {
    let old = bases.indices.map { axes.contains($0) ? bases[$0] : nil }
    var new = old
    for axis in axes {
      let names = Self.names(of: axis)
      let product = state[names.preconditioner].matmul(old[axis]!)
      let quotients = (old[axis]! * product).sum(axis: -2).scalars(as: Double.self)
      let order = quotients.indices.sorted { (quotients[$0], $1) > (quotients[$1], $0) }
      // If a damaged state has a preconditioner that is not finite, the basis is kept.
      guard let basis = try? product.selecting(order, axis: 1).orthogonalFactor() else { continue }
      new[axis] = basis
      state.tensors[names.basis] = basis
      permuteSecondMoments(of: &state, order, axis: axis)
    }
    if let moments = state.tensors["exp_avg"] {
      state.tensors["exp_avg"] = rotate(rotate(moments, by: old, back: true), by: new)
    }
  }

  /// Permutes the second moments along an axis: V, or R and C, which each lack one axis.
  private func permuteSecondMoments(of state: inout MomentState, _ order: [Int], axis: Int) {
    state.tensors["exp_avg_sq"] = state.tensors["exp_avg_sq"].map {
      $0.reshaped(to: shape).selecting(order, axis: axis).reshaped(to: $0.shape)
    }
    let missingAxes = ["exp_avg_sq_row": shape.rank - 1, "exp_avg_sq_col": shape.rank - 2]
    for (name, missing) in missingAxes where axis != missing {
      state.tensors[name] = state.tensors[name]?.selecting(order, axis: axis > missing ? axis - 1 : axis)
    }
  }
}

// MARK: Merged axes

extension Eigenbasis {
  /// The name of a vector: for each merged axis, the number of axes it consists of. It is absent if no axes are merged.
  static let mergedAxesName = "merged_axes"

  /// Returns the number of neighboring axes that form each merged axis. From the left, axes are merged as long as they have
  /// at most `maxLength` elements together. Axes of length 1 are merged with a neighbor.
  static func mergedAxes(of shape: Shape, maxLength: Int) -> [Int] {
    var (counts, count, product): ([Int], Int, Int) = ([], 0, 1)
    for length in shape.dimensions {
      if product * length <= maxLength {
        (count, product) = (count + 1, product * length)
      } else if product > 1 {
        counts.append(count)
        (count, product) = (1, length)
      } else {
        counts.append(count + 1)
        (count, product) = (0, 1)
      }
    }
    if product > 1 || counts.isEmpty {
      counts.append(count)
    } else {
      counts[counts.count - 1] += count
    }
    return counts
  }

  /// Returns the shape with neighboring axes merged. `counts` are the numbers of axes that form each merged axis.
  static func merging(_ counts: [Int], of shape: Shape) -> Shape {
    var rest = shape.dimensions[...]
    return Shape(
      counts.map { count in
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reduce(1, *)
      })
  }
}

extension Tensor {
  /// Whether all products of a gradient with its transpose are finite, since none is larger than the sum of all squares.
  ///
  /// The limit is a quarter of the largest finite number, which leaves room for averages and rounding.
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

/// A rule that averages products of gradients. If these are not finite, the gradient counts as not finite.
protocol EigenbasisRule: UpdateRule {}

extension UpdateRule where State == MomentState {
  /// Throws an error for moments, bases or a residual that don't fit the parameter. A state without moments has had no
  /// gradient yet. An axis has both a preconditioner and a basis, or neither.
  func checkEigenbasis(
    _ state: MomentState, moments: [String: Shape], parameter: String, shape: Shape, scalarType: ScalarType
  ) throws(OptimizerError) {
    try checkStep(state.step, of: parameter)
    try checkResidual(state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
    var found = state.tensors
    found[residualName] = nil
    if found.isEmpty { return }
    var expected = moments
    var axes = shape
    if let merged = found[Eigenbasis.mergedAxesName] {
      let counts = merged.scalars(as: Double.self)
      guard merged.shape.rank == 1, counts.allSatisfy({ $0 >= 1 && $0 <= Double(shape.rank) }),
        counts.reduce(0, +) == Double(shape.rank)
      else {
        throw .invalidOption(
          name: "The state \"\(Eigenbasis.mergedAxesName)\" of \"\(parameter)\"", value: "\(counts)",
          requirement: "its numbers must count the axes of the shape \(shape)")
      }
      axes = Eigenbasis.merging(counts.map { Int($0) }, of: shape)
      expected[Eigenbasis.mergedAxesName] = merged.shape
    }
    for (axis, length) in axes.dimensions.enumerated() {
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
