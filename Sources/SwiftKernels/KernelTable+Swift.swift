import KernelInterface
import RealModule
import SwiftFactorizations

/// The kernels in pure Swift, with one compiled copy of each for concrete types.
package let swiftKernels = KernelTable(
  float32: float32, float64: float64,
  factorizations32: .swift(on: float32), factorizations64: .swift(on: float64),
  adafactor: PerTypePair { forTypes($0, $1, AdafactorMaker()) },
  exactAdafactor: PerTypePair { parameter, gradient in
    guard let kernels = forTypes(parameter, gradient, AdafactorMaker()) else { return nil }
    return parameter.arithmeticType == .float64
      ? ExactStatistics<Double>.replacing(kernels) : ExactStatistics<Float>.replacing(kernels)
  },
  adamW: PerTypePair { forTypes($0, $1, AdamWMaker()) },
  conversion: .swift)

private let float32 = LinearAlgebraKernels(Float.self)
private let float64 = LinearAlgebraKernels(Double.self)

/// A value for each combination of types: a parameter's, a gradient's, and the type that computations use.
private protocol MadeForTypes {
  associatedtype Value
  func value<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar>(_: P.Type, _: G.Type, _: A.Type) -> Value
}

private struct AdafactorMaker: MadeForTypes {
  @inline(__always)
  func value<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar>(
    _: P.Type, _: G.Type, _: A.Type
  ) -> AdafactorKernels { AdafactorKernels(P.self, G.self, A.self) }
}

private struct AdamWMaker: MadeForTypes {
  @inline(__always)
  func value<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar>(
    _: P.Type, _: G.Type, _: A.Type
  ) -> AdamWKernels { AdamWKernels(P.self, G.self, A.self) }
}

/// Returns the value that `maker` makes for these types, or `nil` for Float16 on platforms without it.
@inline(__always)
private func forTypes<Maker: MadeForTypes>(
  _ parameter: ScalarType, _ gradient: ScalarType, _ maker: Maker
) -> Maker.Value? {
  switch parameter {
  case .bfloat16: return forGradient(gradient, BFloat16.self, Float.self, maker)
  case .float16:
    #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
      return nil
    #else
      return forGradient(gradient, Float16.self, Float.self, maker)
    #endif
  case .float32: return forGradient(gradient, Float.self, Float.self, maker)
  case .float64: return forGradient(gradient, Double.self, Double.self, maker)
  }
}

@inline(__always)
private func forGradient<P: TensorScalar, A: ArithmeticScalar, Maker: MadeForTypes>(
  _ gradient: ScalarType, _: P.Type, _: A.Type, _ maker: Maker
) -> Maker.Value? {
  switch gradient {
  case .bfloat16: return maker.value(P.self, BFloat16.self, A.self)
  case .float16:
    #if (os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64)
      return nil
    #else
      return maker.value(P.self, Float16.self, A.self)
    #endif
  case .float32: return maker.value(P.self, Float.self, A.self)
  case .float64: return maker.value(P.self, Double.self, A.self)
  }
}

extension AdafactorKernels {
  @inline(__always)
  fileprivate init<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar>(
    _: P.Type, _: G.Type, _: A.Type
  ) {
    self.init(
      rowStatistics: { RowStatistics<G, A>.accumulate($0, average: $1, old: $2, new: $3, sums: $4) },
      panelStatistics: {
        PanelStatistics<G, A>.accumulate($0, average: $1, old: $2, new: $3, sums: $4, weightedSums: $5)
      },
      rowMoments: { RowStatistics<G, A>.rowMoments($0, average: $1, old: $2, new: $3) },
      columnMoments: { PanelStatistics<G, A>.columnMoments($0, average: $1, old: $2, new: $3) },
      finishMoments: {
        FinishedMoments<A>.finish(average: $0, old: $1, new: $2, sums: $3, weightedSums: $4, count: $5)
      },
      elementStatistics: { ElementStatistics<G, A>.sum($0, average: $1, moments: $2) },
      smallMatrixStatistics: { SmallMatrices<A, G, A>.statistics($0, rowMoments: $1, columnMoments: $2) },
      sum: { FinishedMoments<A>.sum($0, count: $1) },
      inverseSum: { FinishedMoments<A>.inverseSum($0, count: $1) },
      sumOfSquares: { SumOfSquares<P, A>.sum($0, rows: $1, columns: $2, stride: $3) },
      reciprocalRoots: { FinishedMoments<A>.reciprocalRoots($0, factor: $1, count: $2, into: $3) },
      updateFactored: { parameter, gradient, rowFactors, columnFactors, change in
        if let tiles = TiledUpdate<P>(parameter, change) {
          return tiles.updateFactored(gradient, rowFactors: rowFactors, columnFactors: columnFactors)
        }
        return FactoredUpdate<P, G, A>.update(
          parameter, gradient, rowFactors: rowFactors, columnFactors: columnFactors, change: change)
      },
      updateElements: { parameter, gradient, average, moments, factor, change in
        if let tiles = TiledUpdate<P>(parameter, change) {
          return tiles.updateElements(gradient, average: average, moments: moments, factor: factor)
        }
        return ElementUpdate<P, G, A>.update(
          parameter, gradient, average: average, moments: moments, factor: factor, change: change)
      },
      updateSmallMatrices: { parameter, batch, rowMoments, columnMoments, factor, change in
        if let tiles = TiledUpdate<P>(parameter, change) {
          return tiles.updateSmallMatrices(
            batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor)
        }
        return SmallMatrices<P, G, A>.update(
          parameter, batch, rowMoments: rowMoments, columnMoments: columnMoments, factor: factor,
          change: change)
      },
      squares: { GradientTiles<G, A>.squares($0, into: $1) },
      movePartialSums: { $0.movePartialSums(A.self, adding: $1) })
  }
}

extension AdamWKernels {
  @inline(__always)
  fileprivate init<P: TensorScalar, G: TensorScalar, A: ArithmeticScalar>(
    _: P.Type, _: G.Type, _: A.Type
  ) {
    self.init(
      update: { parameter, gradient, moments, factors, change in
        if let tiles = TiledUpdate<P>(parameter, change) {
          return tiles.updateAdamW(gradient, moments: moments, factors: factors)
        }
        return AdamWUpdate<P, G, A>.update(
          parameter, gradient, moments: moments, factors: factors, change: change)
      },
      squaresAreFinite: { FiniteSquares<G, A>.areFinite($0) },
      updateIsFinite: { parameter, gradient, moments, factors, shrinkage in
        AdamWUpdate<P, G, A>.isFinite(
          parameter, gradient, moments: moments, factors: factors, shrinkage: shrinkage)
      })
  }
}

extension LinearAlgebraKernels where Scalar: Real {
  @inline(__always)
  fileprivate init(_: Scalar.Type) {
    typealias Swift = LinearAlgebraInSwift<Scalar>
    typealias Elementwise = ElementwiseInSwift<Scalar>
    self.init(
      rowSums: { Swift.rowSums(of: $0, $1, rows: $2, columns: $3, into: $4) },
      columnSums: { Swift.columnSums(of: $0, $1, rows: $2, columns: $3, into: $4) },
      sum: { Swift.sum($0, count: $1) },
      dot: { Swift.dot($0, $1, count: $2) },
      scale: { Swift.scale($0, count: $1, by: $2) },
      axpy: { Swift.axpy($0, $1, count: $2, onto: $3) },
      movingAverage: { Swift.movingAverage($0, count: $1, decay: $2, weight: $3, of: $4) },
      matmul: { Swift.matmul($0, alpha: $1, $2, $3, beta: $4, into: $5) },
      symmetricProduct: { Swift.symmetricProduct($0, alpha: $1, $2, beta: $3, into: $4) },
      rotateRows: { Swift.rotateRows($0, rows: $1, columns: $2, by: $3) },
      combine: { Elementwise.combine($0, $1, $2, count: $3, into: $4) },
      combineWithScalar: { Elementwise.combine($0, $1, scalar: $2, count: $3, into: $4) },
      combineScalarWith: { Elementwise.combine($0, scalar: $1, $2, count: $3, into: $4) },
      apply: { Elementwise.apply($0, to: $1, count: $2, into: $3) },
      mask: { Elementwise.mask($0, wherePositive: $1, count: $2, into: $3) },
      logSoftmax: { Elementwise.logSoftmax($0, rows: $1, columns: $2, into: $3) })
  }
}

extension ConversionKernels {
  fileprivate static let swift = ConversionKernels(
    readFloat: { $0.read(count: $1, into: $2) }, readDouble: { $0.read(count: $1, into: $2) },
    writeFloat: { $2.write($0, count: $1) }, writeDouble: { $2.write($0, count: $1) },
    unround: { elements, rounding, count, values in
      elements.read(count: count, into: values)
      if case .compensated(let residual) = rounding {
        ResidualRounding.addBack(residual, count: count, to: values)
      }
    },
    round: { values, rounding, count, elements in
      switch rounding {
      case .nearest: elements.write(values, count: count)
      case .stochastic(let key, let first):
        StochasticRounding.store(values, count: count, into: elements, key: key, first: first)
      case .compensated(let residual):
        ResidualRounding.store(values, count: count, into: elements, residual: residual)
      }
    })
}
