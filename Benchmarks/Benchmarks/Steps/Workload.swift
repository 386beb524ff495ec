import Optimizers
import Tensors

/// The shapes of a model, or of one kind of tensor.
struct Workload: Sendable {
  let name: String
  let shapes: [Shape]

  var elementCount: Int { shapes.reduce(0) { $0 + $1.elementCount } }

  /// Parameters of these shapes with gradients, all drawn alike.
  func parameters() -> [Parameter] {
    var generator = SeededGenerator(seed: 1)
    return shapes.enumerated().map { index, shape in
      let parameter = Parameter("\(index)", Tensor(uniform: shape, using: &generator))
      parameter.gradient = Tensor(uniform: shape, using: &generator)
      return parameter
    }
  }

  /// What the benchmarks run over.
  static let all = [
    Workload(name: "4096 × 4096", shapes: [[4096, 4096]]),
    Workload(name: "GPT-2 small, 148 tensors", shapes: gpt2),
    Workload(name: "embedding 50,257 × 768", shapes: [[50_257, 768]]),
    Workload(name: "vector of 16 M", shapes: [[16_000_000]]),
    Workload(name: "1,000 × (64 × 64)", shapes: Array(repeating: [64, 64], count: 1_000)),
    Workload(name: "10,000 vectors of 16", shapes: Array(repeating: [16], count: 10_000)),
    Workload(name: "256 × 256", shapes: [[256, 256]]),
    Workload(name: "1 × 4 M", shapes: [[1, 4 << 20]]),
    Workload(name: "8 × 512 K", shapes: [[8, 512 << 10]]),
    Workload(
      name: "LoRA, 96 pairs",
      shapes: Array(repeating: [768, 8], count: 96) + Array(repeating: [8, 768], count: 96)),
    Workload(name: "convolution 512 × 512 × 3 × 3", shapes: [[512, 512, 3, 3]]),
  ]

  private static let gpt2: [Shape] = {
    let block: [Shape] = [
      [768], [768], [768, 2304], [2304], [768, 768], [768], [768], [768], [768, 3072], [3072], [3072, 768],
      [768],
    ]
    return [[50_257, 768], [1024, 768]] + Array(repeating: block, count: 12).joined() + [[768], [768]]
  }()
}
