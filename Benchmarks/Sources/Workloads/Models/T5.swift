import Tensors

extension Workload {
  /// T5-small: 131 tensors, 60,506,624 elements. The weights of linear layers are outputs × inputs, without a
  /// bias.
  static let t5Small: [Shape] = {
    let (vocabulary, width, inner, layers) = (32_128, 512, 2_048, 6)
    let normalization: Shape = [width]
    // In the first layer of a stack: 32 distances, 8 heads.
    let positions: Shape = [32, 8]
    let attention = [Shape](repeating: [width, width], count: 4)
    let feedForward: [Shape] = [[inner, width], [width, inner], normalization]

    func stack(_ crossAttention: [Shape]) -> [Shape] {
      var shapes: [Shape] = []
      for layer in 0..<layers {
        shapes += attention
        if layer == 0 { shapes.append(positions) }
        shapes.append(normalization)
        shapes += crossAttention + feedForward
      }
      return shapes + [normalization]
    }
    return [[vocabulary, width]] + stack([]) + stack(attention + [normalization])
  }()
}
