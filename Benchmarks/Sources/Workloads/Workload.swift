import Optimizers
import Tensors

/// The shapes of a model's parameters, or of many tensors of one kind.
public struct Workload: Sendable {
  /// The name on a command line and in file names.
  public let id: String
  /// The name in a table.
  public let name: String
  /// The shape of each parameter.
  public let shapes: [Shape]

  /// Creates a workload.
  public init(_ id: String, name: String, shapes: [Shape]) {
    self.id = id
    self.name = name
    self.shapes = shapes
  }

  /// The number of elements of all parameters.
  public var elementCount: Int { shapes.reduce(0) { $0 + $1.elementCount } }

  /// Returns parameters of these shapes with gradients. The values are ``Noise``.
  public func parameters(as scalarType: ScalarType = .float32) -> [Parameter] {
    shapes.enumerated().map { index, shape in
      func noise(_ stream: Int) -> Tensor {
        let values = Tensor(Noise.values(shape.elementCount, stream: stream), shape: shape)
        return scalarType == .float32 ? values : values.converted(to: scalarType)
      }
      let parameter = Parameter("\(index)", noise(2 * index))
      parameter.gradient = noise(2 * index + 1)
      return parameter
    }
  }
}

extension Workload {
  /// The measured workloads: models, then kinds of tensors that each use a different code path.
  public static let all = [
    Workload("4096x4096", name: "4096 × 4096", shapes: [[4096, 4096]]),
    Workload("gpt2", name: "GPT-2 small", shapes: gpt2Small),
    Workload("t5-small", name: "T5-small", shapes: t5Small),
    Workload("resnet-50", name: "ResNet-50", shapes: resNet50),
    Workload("embedding", name: "embedding 50,257 × 768", shapes: [[50_257, 768]]),
    Workload("vector-16m", name: "vector of 16 M", shapes: [[16_000_000]]),
    Workload("1000x64x64", name: "1,000 × (64 × 64)", shapes: Array(repeating: [64, 64], count: 1_000)),
    Workload("10000x16", name: "10,000 vectors of 16", shapes: Array(repeating: [16], count: 10_000)),
    Workload("256x256", name: "256 × 256", shapes: [[256, 256]]),
    Workload("1x4m", name: "1 × 4 M", shapes: [[1, 4 << 20]]),
    Workload("8x512k", name: "8 × 512 K", shapes: [[8, 512 << 10]]),
    Workload(
      "lora", name: "LoRA, 96 pairs",
      shapes: Array(repeating: [768, 8], count: 96) + Array(repeating: [8, 768], count: 96)),
  ]
}
