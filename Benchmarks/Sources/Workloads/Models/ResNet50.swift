import Tensors

extension Workload {
  /// ResNet-50: 161 tensors, 25,557,032 elements, most of them in convolutions of outputs × inputs × height × width.
  static let resNet50: [Shape] = {
    func convolution(_ inputs: Int, _ outputs: Int, _ size: Int) -> [Shape] {
      // A normalization follows each convolution, with a scale and a shift.
      [[outputs, inputs, size, size], [outputs], [outputs]]
    }
    var shapes = convolution(3, 64, 7)
    var inputs = 64
    for (width, blocks) in [(64, 3), (128, 4), (256, 6), (512, 3)] {
      let outputs = 4 * width
      for block in 0..<blocks {
        shapes +=
          convolution(inputs, width, 1) + convolution(width, width, 3) + convolution(width, outputs, 1)
        if block == 0 { shapes += convolution(inputs, outputs, 1) }
        inputs = outputs
      }
    }
    return shapes + [[1_000, inputs], [1_000]]
  }()
}
