import KernelInterface
import Tensors

/// The part of a tensor that one rank of several holds: rows of a matrix, columns of a wide matrix, whole matrices of a stack,
/// elements of a vector, all or nothing.
///
/// Tensors are divided between the blocks that ``Adafactor`` steps them by, which depend only on the shape. So every sum is
/// taken over the same blocks in the same order, however many ranks there are.
public struct TensorShard: Sendable, Equatable {
  /// The shape of the whole tensor.
  public let wholeShape: Shape

  /// The rank that holds this part.
  public let rank: Int

  /// The shape of this part.
  ///
  /// It is the shape of the whole tensor if this part is all of it. A stack of matrices has three axes: matrices, rows and
  /// columns.
  public let shape: Shape

  /// The blocks of each rank: consecutive ones, without gaps between the ranks.
  package let blocksByRank: [Range<Int>]

  /// The blocks of this part, and their place in the tensor.
  package let extent: Extent

  /// Creates the part of a rank.
  package init(_ wholeShape: Shape, rank: Int, blocksByRank: [Range<Int>]) {
    let partition = Self.partition(wholeShape)
    let extent = Extent(partition, blocks: blocksByRank[rank])
    self.wholeShape = wholeShape
    self.rank = rank
    self.blocksByRank = blocksByRank
    self.extent = extent
    shape = Self.shape(of: extent, in: wholeShape)
  }

  /// The blocks of a tensor of a shape.
  package static func partition(_ shape: Shape) -> BlockPartition {
    BlockPartition(dimensions: shape.dimensions, factored: true)
  }

  private static func shape(of extent: Extent, in whole: Shape) -> Shape {
    if extent.isWhole { return whole }
    if extent.partition.form == .elements { return [extent.elementCount] }
    let matrix = [extent.rows.count, extent.columns.count]
    // Of a single matrix, the axes before the last two are 1.
    return Shape(
      extent.partition.matrixCount == 1 && extent.matrices.count == 1
        ? whole.dimensions.dropLast(2) + matrix : [extent.matrices.count] + matrix)
  }

  /// Whether this part has no elements although the tensor has some.
  public var isEmpty: Bool { shape.elementCount == 0 && wholeShape.elementCount > 0 }

  /// Whether this part is the whole tensor.
  public var isWhole: Bool { extent.isWhole }

  /// The same part under another rank's number.
  package func of(rank: Int) -> TensorShard {
    TensorShard(wholeShape, rank: rank, blocksByRank: blocksByRank)
  }

  /// Whether both are the same part of tensors of one shape.
  public static func == (left: TensorShard, right: TensorShard) -> Bool {
    left.wholeShape == right.wholeShape && left.rank == right.rank
      && left.blocksByRank == right.blocksByRank
  }

  // MARK: Parts of tensors

  /// Calls `body` with each run of consecutive elements: its place in the whole tensor, in this part, and its length.
  package func forEachRun(_ body: (_ whole: Int, _ part: Int, _ count: Int) -> Void) {
    let count = extent.elementCount
    guard count > 0 else { return }
    let columns = extent.partition.columns
    if extent.columns.count == columns { return body(extent.firstElement, 0, count) }
    for row in 0..<count / extent.columns.count {
      body(extent.firstElement + row * columns, row * extent.columns.count, extent.columns.count)
    }
  }

  /// Returns this part of a whole tensor, in memory of its own.
  ///
  /// - Precondition: the tensor has the shape ``wholeShape``.
  public func part(of whole: Tensor) -> Tensor {
    guard whole.shape == wholeShape else {
      fatalError(
        "The whole tensor has the shape \(whole.shape), but this is a part of a tensor of shape \(wholeShape)."
      )
    }
    var part = Tensor(uninitialized: shape, as: whole.scalarType)
    Self.take(whole, into: &part, forEachRun)
    return part
  }

  /// Copies this part into a whole tensor.
  ///
  /// - Precondition: the tensors have the shapes ``shape`` and ``wholeShape``, and the same type.
  public func copy(_ part: Tensor, into whole: inout Tensor) {
    guard part.shape == shape, whole.shape == wholeShape, part.scalarType == whole.scalarType else {
      fatalError(
        "A part of shape \(part.shape) and type \(part.scalarType.rawValue) cannot be copied into a tensor of shape "
          + "\(whole.shape) and type \(whole.scalarType.rawValue): this part has the shape \(shape) of \(wholeShape)."
      )
    }
    part.withUnsafeBytes { Self.put($0, into: &whole, forEachRun) }
  }

  /// Calls a body with each run of consecutive elements, as ``forEachRun(_:)`` does.
  package typealias Runs = (_ body: (_ whole: Int, _ part: Int, _ count: Int) -> Void) -> Void

  /// Copies runs of a whole tensor into a part of the same type.
  package static func take(_ whole: Tensor, into part: inout Tensor, _ forEachRun: Runs) {
    let size = whole.scalarType.byteCount
    part.withUnsafeMutableBytes { target in
      whole.withUnsafeBytes { source in
        forEachRun { whole, part, count in
          (target.baseAddress! + part * size).copyMemory(
            from: source.baseAddress! + whole * size, byteCount: count * size)
        }
      }
    }
  }

  /// Copies the bytes of a part into runs of a whole tensor of the same type.
  package static func put(_ part: UnsafeRawBufferPointer, into whole: inout Tensor, _ forEachRun: Runs) {
    let size = whole.scalarType.byteCount
    whole.withUnsafeMutableBytes { target in
      forEachRun { whole, place, count in
        (target.baseAddress! + whole * size).copyMemory(
          from: part.baseAddress! + place * size, byteCount: count * size)
      }
    }
  }
}
