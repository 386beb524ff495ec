import Tensors

/// The projection of ``GaLoreAdamW`` and ``GaLoreAdafactor``: the number and the kind of singular vectors.
public struct GaLoreProjection: Sendable, Hashable {
  /// The singular vectors that the gradient G (n × m) of a matrix is projected onto: U of its rows, or V of its columns.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// V if n ≥ m, and U otherwise: the longer axis is kept.
    case standard = "std"
    /// U if n ≥ m, and V otherwise: the shorter axis is kept.
    case reversed = "reverse_std"
    /// U.
    case left
    /// V.
    case right
    /// U and V.
    case full
  }

  /// r, the number of singular vectors: `rank`. At least 1; nil projects nothing.
  ///
  /// It is read when a parameter gets its first gradient. If the shorter axis of a matrix is shorter than r, r is its length.
  public var rank: Int?

  /// The number of steps between two decompositions: `update_proj_gap`. At least 1.
  public var updateGap: Int

  /// The factor of projected updates: `scale`. At least 0.
  public var scale: Double

  /// The kind of singular vectors: `proj_type`. It is read when a parameter gets its first gradient.
  public var kind: Kind

  /// Creates a projection.
  public init(rank: Int? = 128, updateGap: Int = 200, scale: Double = 0.25, kind: Kind = .standard) {
    self.rank = rank
    self.updateGap = updateGap
    self.scale = scale
    self.kind = kind
  }

  /// The name of U, n × r, in states.
  private static let left = "projector_left"
  /// The name of Vᵀ, r × m, in states.
  private static let right = "projector_right"

  // MARK: Shapes

  /// Returns the shapes of a parameter's projectors, or no shapes if it is not a matrix.
  private func projectors(of shape: Shape) -> [String: Shape] {
    guard let rank, shape.rank == 2 else { return [:] }
    let (n, m) = (shape[0], shape[1])
    let r = min(rank, n, m)
    let (left, right) = (Self.left, Self.right)
    return switch kind {
    case .standard: n >= m ? [right: [r, m]] : [left: [n, r]]
    case .reversed: n >= m ? [left: [n, r]] : [right: [r, m]]
    case .left: [left: [n, r]]
    case .right: [right: [r, m]]
    case .full: [left: [n, r], right: [r, m]]
    }
  }

  /// Returns the shape of a gradient that is projected by projectors of the given shapes.
  private static func projectedShape(of shape: Shape, _ projectors: [String: Shape]) -> Shape {
    guard shape.rank == 2 else { return shape }
    return [projectors[left]?[1] ?? shape[0], projectors[right]?[0] ?? shape[1]]
  }

  /// Returns the shapes of the tensors of a parameter's state before its first step, or for a state that has tensors of the
  /// shapes `before`.
  ///
  /// - Parameter moments: A closure that returns the shapes of the moments of a gradient.
  func stateShapes(
    of shape: Shape, before: [String: Shape] = [:], moments: (Shape) -> [String: Shape]
  ) -> [String: Shape] {
    let projectors =
      before.isEmpty ? projectors(of: shape) : before.filter { [Self.left, Self.right].contains($0.key) }
    return moments(Self.projectedShape(of: shape, projectors)).merging(projectors) { $1 }
  }

  /// Throws an error for projectors, moments or a residual that don't fit the parameter or each other.
  ///
  /// The rank is the state's. Changing the option affects only parameters that have no state yet.
  func check<Rule: UpdateRule>(
    _ state: MomentState, of rule: Rule, parameter: String, shape: Shape, scalarType: ScalarType,
    moments: (Shape) -> [String: Shape]
  ) throws(OptimizerError) {
    try rule.checkStep(state.step, of: parameter)
    try rule.checkResidual(
      state.tensors[residualName], parameter: parameter, shape: shape, scalarType: scalarType)
    var found = state.tensors.mapValues(\.shape)
    found[residualName] = nil
    var projectors: [String: Shape] = [:]
    if shape.rank == 2 {
      let rank = found[Self.left]?.dimensions.last ?? found[Self.right]?.dimensions.first ?? 0
      let r = min(rank, shape[0], shape[1])
      if found[Self.left] != nil { projectors[Self.left] = [shape[0], r] }
      if found[Self.right] != nil { projectors[Self.right] = [r, shape[1]] }
    }
    let expected = moments(Self.projectedShape(of: shape, projectors)).merging(projectors) { $1 }
    for name in Set(expected.keys).union(found.keys).sorted() {
      try rule.checkMoments(
        name, state.tensors[name], parameter: parameter, shape: expected[name],
        type: scalarType.arithmeticType)
    }
  }

  // MARK: Steps

  /// Projects a gradient: Uᵀ G, G V or Uᵀ G V. The state already counts this step. The first step, and the step after each
  /// gap, decomposes this gradient to get U and V.
  ///
  /// Returns nil without changing the state if the gradient is not finite and therefore has no decomposition.
  func project(_ gradient: Tensor, _ state: inout MomentState) -> Tensor? {
    let (left, right) = (state.tensors[Self.left], state.tensors[Self.right])
    guard left != nil || right != nil else { return gradient }
    if (state.step - 1) % updateGap == 0 {
      guard let factors = try? gradient.svd() else { return nil }
      if let left {
        state.tensors[Self.left] = factors.u.selecting(Array(0..<left.shape[1]), axis: 1)
          .withPositiveColumns()
      }
      if let right {
        state.tensors[Self.right] = factors.vTransposed.rows(at: 0..<right.shape[0]).withPositiveRows()
      }
    }
    var result = gradient
    if left != nil { result = state[Self.left].matmul(result, transposed: true) }
    if right != nil { result = result.matmul(state[Self.right], otherTransposed: true) }
    return result
  }

  /// Projects an update back and scales it: s U L, s L Vᵀ or s U L Vᵀ. Updates that were not projected are returned
  /// unchanged.
  func projectBack(_ update: Tensor, _ state: MomentState) -> Tensor {
    let (left, right) = (state.tensors[Self.left], state.tensors[Self.right])
    guard left != nil || right != nil else { return update }
    var result = update
    if let right { result = result.matmul(right) }
    if let left { result = left.matmul(result) }
    result *= scale
    return result
  }
}

extension Tensor {
  /// Returns the rows, each with the sign that makes its largest element positive.
  ///
  /// The signs of singular vectors are arbitrary, but a refresh keeps the moments. Fixed signs make the result independent
  /// of the backend.
  fileprivate func withPositiveRows() -> Tensor {
    var result = self
    for row in 0..<shape[0] {
      let elements = rows(at: [row]).scalars(as: Double.self)
      let largest = elements.max { $0.magnitude < $1.magnitude } ?? 0
      if largest < 0 { for column in 0..<shape[1] { result[row, column] = -elements[column] } }
    }
    return result
  }

  /// Returns the columns, each with the sign that makes its largest element positive.
  fileprivate func withPositiveColumns() -> Tensor { transposed().withPositiveRows().transposed() }
}

// MARK: Settings

extension GaLoreProjection {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case rank
    case updateGap = "update_proj_gap"
    case scale
    case kind = "proj_type"
  }

  /// Creates a projection from settings with checked names. A rank of null projects nothing.
  init(settings: KeyedDecodingContainer<CodingKeys>) throws {
    self.init()
    if settings.contains(.rank) { rank = try settings.decodeIfPresent(Int.self, forKey: .rank) }
    try settings.decodeIfPresent(.updateGap, into: &updateGap)
    try settings.decodeIfPresent(.scale, into: &scale)
    if let name = try settings.decodeIfPresent(String.self, forKey: .kind) {
      guard let kind = Kind(rawValue: name) else {
        throw OptimizerError.invalidOption(
          name: CodingKeys.kind.rawValue, value: "\"\(name)\"",
          requirement: "it must be \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      self.kind = kind
    }
  }

  func encode(to encoder: any Encoder) throws {
    var settings = encoder.container(keyedBy: CodingKeys.self)
    try settings.encode(rank, forKey: .rank)
    try settings.encode(updateGap, forKey: .updateGap)
    try settings.encode(scale, forKey: .scale)
    try settings.encode(kind, forKey: .kind)
  }

  func validate(naming name: OptionNaming) throws(OptimizerError) {
    if let rank { try OptimizerError.require(rank, atLeast: 1, name("rank", CodingKeys.rank)) }
    try OptimizerError.require(updateGap, atLeast: 1, name("updateGap", CodingKeys.updateGap))
    try OptimizerError.requireNotNegative(scale, name("scale", CodingKeys.scale))
  }
}
