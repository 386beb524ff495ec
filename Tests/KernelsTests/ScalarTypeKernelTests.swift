import KernelInterface
import Tensors
import TestSupport
import Testing

/// Tests the kernels of Adafactor and AdamW for every pair of a parameter's and a gradient's type.
@Suite struct ScalarTypeKernelTests {
  private let rows = 3
  private let columns = 11
  private var count: Int { rows * columns }

  /// Numbers that every scalar type represents exactly.
  private var gradientValues: [Double] {
    (0..<count).map { index in
      let sixteenths = 2 * (index * 7 % 29 - 14) + 1
      return Double(sixteenths) / 16
    }
  }
  private var parameterValues: [Double] {
    (0..<count).map { index in
      let quarters = index * 5 % 23 - 11
      return Double(quarters) / 4
    }
  }

  @Test(arguments: ScalarType.allCases, [ScalarType.float32, .float64])
  func `Statistics don't depend on the gradient's type`(
    type: ScalarType, arithmetic: ScalarType
  ) {
    for backend in AdafactorKernelPropertyTests.statisticsBackends {
      #expect(statistics(backend, type, arithmetic) == statistics(backend, arithmetic, arithmetic))
    }
  }

  private func statistics(_ backend: Backend, _ type: ScalarType, _ arithmetic: ScalarType) -> [Double] {
    let kernels = backend.kernels.adafactor[arithmetic, type]
    let average = MomentAverage(decay: 0.5, weight: 0.5, epsilon: 1e-30, count: columns)
    let gradient = matrix(gradientValues, type)
    let old = TestElements([Double](repeating: 0.25, count: count), arithmetic)
    let zeros = [Double](repeating: 0, count: columns)
    let (new, partial, partialWeighted) = (
      TestElements(zeros, arithmetic), TestElements(zeros, arithmetic), TestElements(zeros, arithmetic)
    )
    var (columnSums, weightedColumnSums) = (zeros, zeros)
    let piece = gradient.piece(scale: 0.5)
    withColumnSums((partial, partialWeighted), into: &columnSums, &weightedColumnSums) {
      kernels.rowStatistics(piece, average, old.reading, new.writing, $0)
    }
    let rowMoments = new.values
    var sums = [Double](repeating: 0, count: rows)
    var weightedSums = sums
    let inverses = kernels.panelStatistics(
      piece, average, old.reading, new.writing, &sums, &weightedSums)
    let columnMoments = new.values
    let elements = kernels.elementStatistics(asOneRow(piece), average, old.reading)
    #expect(gradient.isUnchanged && old.isUnchanged)
    return rowMoments + columnMoments + columnSums + weightedColumnSums + sums + weightedSums
      + [inverses, elements]
  }

  @Test(arguments: ScalarType.allCases, ScalarType.allCases)
  func `An update computes in the arithmetic type and rounds stored values once`(
    parameter: ScalarType, gradient: ScalarType
  ) {
    let arithmetic = parameter.arithmeticType
    let updates = [updateFactored, updateElements, updateSmallMatrices, updateAdamW]
    for (name, update) in zip(["factored", "elements", "small matrices", "AdamW"], updates) {
      // The same update of a parameter in the arithmetic type, which is not rounded further.
      let (result, exact) = (update(parameter, gradient), update(arithmetic, arithmetic))
      let rounded = exact.parameter.map { parameter.rounded($0) }
      #expect(result.parameter == rounded, "\(name)")
      #expect(rounded != parameterValues, "\(name)")
      if let squares = result.squares {
        let expected = rounded.reduce(0) { $0 + $1 * $1 }
        #expect((squares - expected).magnitude <= 16 * Double(Float.ulpOfOne) * expected, "\(name)")
      }
    }
    let stored = matrix(updateFactored(parameter, gradient).parameter, parameter)
    let squares = kernels(parameter, gradient).sumOfSquares(stored.reading, rows, columns, columns)
    #expect(squares == updateFactored(parameter, gradient).squares)
    #expect(stored.isUnchanged)
  }

  private typealias Result = (parameter: [Double], squares: Double?)

  private func updateFactored(_ parameterType: ScalarType, _ gradientType: ScalarType) -> Result {
    let (parameter, gradient) = (matrix(parameterValues, parameterType), matrix(gradientValues, gradientType))
    let arithmetic = parameterType.arithmeticType
    let rowFactors = TestElements((0..<rows).map { 0.01 / Double($0 + 1) }, arithmetic)
    let columnFactors = TestElements((0..<columns).map { 1 / Double($0 + 3) }, arithmetic)
    let squares = kernels(parameterType, gradientType).updateFactored(
      parameter.writing, gradient.piece(scale: 0.5), rowFactors.reading, columnFactors.reading,
      ParameterChange(shrinkage: 0.01))
    #expect(gradient.isUnchanged && rowFactors.isUnchanged && columnFactors.isUnchanged)
    return (parameter.values, squares)
  }

  private func updateElements(_ parameterType: ScalarType, _ gradientType: ScalarType) -> Result {
    let (parameter, gradient) = (matrix(parameterValues, parameterType), matrix(gradientValues, gradientType))
    let moments = TestElements([Double](repeating: 0.3, count: count), parameterType.arithmeticType)
    let squares = kernels(parameterType, gradientType).updateElements(
      parameter.writing, asOneRow(gradient.piece(scale: 0.5)),
      MomentAverage(decay: 0.9, weight: 0.1, epsilon: 1e-30, count: 1), moments.writing, 0.01,
      ParameterChange(shrinkage: 0))
    #expect(gradient.isUnchanged && moments.marginsAreIntact)
    return (parameter.values, squares)
  }

  /// Updates eleven matrices of 3 × 1.
  private func updateSmallMatrices(_ parameterType: ScalarType, _ gradientType: ScalarType) -> Result {
    let (parameter, gradient) = (matrix(parameterValues, parameterType), matrix(gradientValues, gradientType))
    let arithmetic = parameterType.arithmeticType
    let rowMoments = TestElements([Double](repeating: 0.3, count: count), arithmetic)
    let columnMoments = TestElements([Double](repeating: 0.2, count: columns), arithmetic)
    let batch = MatrixBatch(
      gradient.reading, scale: 0.5, count: columns, rows: rows, columns: 1,
      average: MomentAverage(decay: 0.9, weight: 0.1, epsilon: 1e-30, count: 1))
    let squares = kernels(parameterType, gradientType).updateSmallMatrices(
      parameter.writing, batch, rowMoments.writing, columnMoments.writing, 0.01,
      ParameterChange(shrinkage: 0.01))
    #expect(gradient.isUnchanged && rowMoments.marginsAreIntact && columnMoments.marginsAreIntact)
    return (parameter.values, squares)
  }

  private func updateAdamW(_ parameterType: ScalarType, _ gradientType: ScalarType) -> Result {
    let (parameter, gradient) = (matrix(parameterValues, parameterType), matrix(gradientValues, gradientType))
    let moments = [0.1, 0.2, 0.3].map {
      TestElements([Double](repeating: $0, count: count), parameterType.arithmeticType)
    }
    _ = Backend.swift.kernels.adamW[parameterType, gradientType].update(
      parameter.writing, asOneRow(gradient.piece(scale: 0.5)),
      AdamWMoments(first: moments[0].writing, second: moments[1].writing, maximum: moments[2].writing),
      AdamWFactors(beta1: 0.9, beta2: 0.99, factor: 0.01, epsilon: 1e-8), ParameterChange(shrinkage: 0.01))
    #expect(gradient.isUnchanged && moments.allSatisfy(\.marginsAreIntact))
    return (parameter.values, nil)
  }

  // MARK: Helpers

  private func kernels(_ parameter: ScalarType, _ gradient: ScalarType) -> AdafactorKernels {
    Backend.swift.kernels.adafactor[parameter, gradient]
  }

  private func matrix(_ values: [Double], _ type: ScalarType) -> TestElements {
    TestElements(values, type, rows: rows, columns: columns)
  }

  private func asOneRow(_ piece: GradientPiece) -> GradientPiece {
    var piece = piece
    (piece.rows, piece.columns, piece.stride) = (1, count, count)
    return piece
  }
}
