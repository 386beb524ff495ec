import Optimizers
import Tensors
import Testing

/// Trajectories of pytorch-optimizer's SOAP, replayed on both backends.
@Suite struct SOAPParityTests {
  @Test(arguments: Trajectory<SOAPOptions>.names, Backend.available)
  func `A trajectory of the reference is followed`(name: String, backend: Backend) throws {
    try followTrajectory(Trajectory<SOAPOptions>.load(name), backend: backend)
  }

  @Test func `The defaults are the reference's`() throws {
    #expect(try Trajectory<SOAPOptions>.load("defaults").groups[0].options == SOAPOptions())
  }
}

extension SOAPOptions: ReferenceRule {
  static var folder: String { "soap" }

  /// A state of the reference, with first moments in the original space, and without Q, which has arbitrary signs.
  struct RecordedState: RecordedStateOf {
    let recorded: RecordedMomentState

    init(from decoder: any Decoder) throws { recorded = try RecordedMomentState(from: decoder) }

    var state: MomentState { recorded.state }

    func pairs(with ours: MomentState) -> RecordedPairs {
      var ours = ours
      let moments = ours["exp_avg"]
      var lengths = moments.shape.dimensions
      for (axis, count) in (ours.tensors["merged_axes"]?.scalars(as: Double.self) ?? []).enumerated() {
        let merged = axis..<axis + Int(count)
        lengths.replaceSubrange(merged, with: [lengths[merged].reduce(1, *)])
      }
      let rotated = ours.oracle(lengths).rotate(moments.scalars(as: Double.self), back: true)
      ours.tensors["exp_avg"] = Tensor(scalars: rotated.map { Float($0) }, shape: moments.shape)
      ours.tensors = ours.tensors.filter { !$0.key.hasPrefix("Q_") && $0.key != "merged_axes" }
      var pairs = recorded.pairs(with: ours)
      // Numbers of both signs cancel in every rotation, including the rotations of second moments.
      pairs.signed += pairs.positive
      pairs.positive = []
      return pairs
    }
  }
}
