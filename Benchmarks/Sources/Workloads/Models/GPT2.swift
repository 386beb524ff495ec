import Tensors

extension Workload {
  /// GPT-2 small: 148 tensors, 124,439,808 elements. The weights of linear layers are inputs × outputs.
  static let gpt2Small: [Shape] = {
    let (vocabulary, positions, width) = (50_257, 1_024, 768)
    let normalization: [Shape] = [[width], [width]]
    func linear(_ inputs: Int, _ outputs: Int) -> [Shape] { [[inputs, outputs], [outputs]] }
    let block =
      normalization + linear(width, 3 * width) + linear(width, width)
      + normalization + linear(width, 4 * width) + linear(4 * width, width)
    return [[vocabulary, width], [positions, width]] + Array(repeating: block, count: 12).flatMap(\.self)
      + normalization
  }()
}
