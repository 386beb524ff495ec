import Foundation
import Optimizers
import Tensors
import TestSupport
import Testing

/// The averages of torch's AveragedModel. `scripts/reference/weight_average.py` describes how they were made.
private struct AverageCase: Decodable, CustomTestStringConvertible {
  let decay: Double
  let type: String
  let values: [[String]]
  let averages: [[String]]

  var testDescription: String { "decay \(decay), \(type)" }

  static let all: [AverageCase] = {
    struct File: Decodable { let cases: [AverageCase] }
    let url = Bundle.module.url(
      forResource: "weight-average", withExtension: "json", subdirectory: "Reference")!
    return try! JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
  }()
}

@Suite struct ExponentialMovingAverageTests {
  private static func tensor(_ numbers: [String], _ type: ScalarType) -> Tensor {
    Tensor(scalars: numbers.map { Double($0)! }, shape: [numbers.count]).converted(to: type)
  }

  @Test(arguments: AverageCase.all)
  fileprivate func `Averages have torch's bits`(torch: AverageCase) throws {
    let type = try #require(ScalarType(rawValue: torch.type))
    let parameter = Parameter("p", Tensor(zeros: [torch.values[0].count], as: type))
    let average = try ExponentialMovingAverage([parameter], decay: torch.decay)
    for (values, averages) in zip(torch.values, torch.averages) {
      parameter.value = Self.tensor(values, type)
      average.update()
      #expect(average.averages[0].bits == Self.tensor(averages, type).bits)
    }
    #expect(average.updateCount == torch.values.count)
  }

  private static func parameters() -> [Parameter] {
    var numbers = TestNumbers(seed: 7)
    return [
      ([3, 41] as Shape, ScalarType.float32), ([70_001], .float32), ([5], .bfloat16), ([0, 2], .float64),
    ]
    .enumerated().map { index, layout in
      let (shape, type) = layout
      return Parameter(
        "p\(index)", Tensor(numbers.array(shape.elementCount), shape: shape).converted(to: type))
    }
  }

  private static func change(_ parameters: [Parameter]) {
    for parameter in parameters {
      parameter.value = (parameter.value * 0.5).converted(to: parameter.value.scalarType)
    }
  }

  @Test func `The bits don't depend on the number of threads, and 16-bit parameters are averaged in Float32`()
    throws
  {
    let parameters = Self.parameters()
    let averages = try [1, 2, 5].map { try ExponentialMovingAverage(parameters, decay: 0.75, threads: $0) }
    let before = parameters.map { $0.value.converted(to: .float64) }
    for average in averages { average.update() }
    Self.change(parameters)
    for average in averages { average.update() }
    for (index, parameter) in parameters.enumerated() {
      let after = parameter.value.converted(to: .float64)
      let expected = before[index] + (after - before[index]) * 0.25
      for average in averages { #expect(average.averages[index].bits == averages[0].averages[index].bits) }
      let actual = averages[0].averages[index]
      #expect(actual.scalarType == (index == 3 ? .float64 : .float32))
      for i in 0..<actual.elementCount {
        let (a, e) = (
          actual.converted(to: .float64).scalars(as: Double.self)[i], expected.scalars(as: Double.self)[i]
        )
        guard abs(a - e) <= 2 * Double(Float(e).ulp) else {
          Issue.record("\(index), \(i): \(a), not \(e)")
          break
        }
        if i > 300 { break }
      }
    }
  }

  @Test
  func `An evaluation uses the averages, even in the program's own memory, and the weights are restored`()
    throws
  {
    var memory: [Float] = [1, 2, 3, 4]
    try memory.withUnsafeMutableBytes { bytes in
      let parameter = Parameter(
        "p", Tensor(bytesNoCopy: bytes.baseAddress!, shape: [4], as: .float32) {})
      let average = try ExponentialMovingAverage([parameter], decay: 0.5)
      average.update()
      bytes.bindMemory(to: Float.self).update(repeating: 0)
      average.update()
      let seen = average.withAverages {
        #expect(average.isSwapped)
        return Array(bytes.bindMemory(to: Float.self))
      }
      #expect(seen == [0.5, 1, 1.5, 2])
      #expect(Array(bytes.bindMemory(to: Float.self)) == [0, 0, 0, 0] && !average.isSwapped)
      average.swap()
      #expect(parameter.value.scalars(as: Float.self) == seen)
      #expect(average.state().averages["p"]?.scalars(as: Float.self) == seen)
      average.swap()
    }
    #expect(memory == [0, 0, 0, 0])
  }

  @Test func `A step of the optimizer still writes to the parameter's own memory`() throws {
    var memory: [Float] = [1, 2]
    try memory.withUnsafeMutableBytes { bytes in
      let parameter = Parameter("p", Tensor(bytesNoCopy: bytes.baseAddress!, shape: [2], as: .float32) {})
      let (average, optimizer) = (try ExponentialMovingAverage([parameter]), try AdamW([parameter]))
      average.update()
      parameter.gradient = Tensor([1, 1])
      try optimizer.step()
      #expect(bytes.bindMemory(to: Float.self)[0] < 1)
    }
  }

  @Test func `A restored average continues with the same bits, and another state is refused`() throws {
    let parameters = Self.parameters()
    let (whole, first) = (
      try ExponentialMovingAverage(parameters, decay: 0.9),
      try ExponentialMovingAverage(parameters, decay: 0.9)
    )
    for average in [whole, first] { average.update() }
    Self.change(parameters)
    let resumed = try ExponentialMovingAverage(parameters, decay: 0.9)
    try resumed.restore(first.state())
    for average in [whole, resumed] { average.update() }
    #expect(resumed.updateCount == 2)
    #expect(zip(whole.averages, resumed.averages).allSatisfy { $0.bits == $1.bits })
    var state = first.state()
    state.averages["p9"] = state.averages.removeValue(forKey: "p0")
    state.averages["p1"] = Tensor(zeros: [3])
    state.decay = 0.5
    #expect(
      throws: StateMismatch([
        .option("the decay is 0.5 in the saved state, 0.9 here"), .missing(parameter: "p0"),
        .parameter(name: "p1", saved: "float32 [3]", here: "float32 [70001]"), .unknown(parameter: "p9"),
      ])
    ) { try resumed.restore(state) }
    #expect(resumed.updateCount == 2)
  }

  @Test func `A decay out of range and a duplicate name are refused`() throws {
    for decay in [1, -0.1, .nan] {
      #expect(throws: OptimizerError.self) { try ExponentialMovingAverage([], decay: decay) }
    }
    #expect(throws: OptimizerError.duplicateParameter(name: "p")) {
      try ExponentialMovingAverage([Parameter("p", Tensor(zeros: [1])), Parameter("p", Tensor(zeros: [1]))])
    }
  }

  @Test func `An update while the parameters hold the averages traps`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let average = try ExponentialMovingAverage([Parameter("p", Tensor(zeros: [1]))])
      average.swap()
      average.update()
    }
    try expectMessage(of: result, toContain: "call swap()")
  }
}
