import Foundation
import Optimizers
import Safetensors
import Tensors
import TestSupport
import Testing

/// Large trajectories of the reference in Float64. They run only if `ADAFACTOR_LARGE_REFERENCE` names the directory that
/// `scripts/make_reference.py --only large` wrote them to, because they are too big to commit.
@Suite(.enabled(if: LargeReference.directory != nil, "ADAFACTOR_LARGE_REFERENCE names no directory"))
struct LargeReferenceTests {
  @Test(arguments: LargeReference.names, Backend.available)
  func `A large trajectory of the reference in Float64 is followed`(
    name: String, backend: Backend
  ) throws {
    let reference = try LargeReference(name)
    for (variant, options) in reference.settings.options {
      let initial = try reference.floats("initial")
      let parameter = Parameter("p", Tensor(initial, shape: reference.shape))
      let optimizer = try Adafactor([parameter], options: options, backend: backend)
      for step in 1...reference.settings.steps {
        parameter.gradient = Tensor(try reference.floats("gradient.\(step)"), shape: reference.shape)
        try optimizer.step()
      }
      let state = optimizer.state(of: parameter)!
      let name = "\(name), \(variant) on \(backend.rawValue)"

      let end = try reference.doubles("\(variant).float64.parameter")
      var (largest, error, magnitude) = (0.0, 0.0, 0.0)
      for (index, value) in parameter.value.scalars(as: Float.self).enumerated() {
        largest = max(largest, (end[index] - Double(initial[index])).magnitude)
        error = max(error, (Double(value) - end[index]).magnitude)
        magnitude = max(magnitude, end[index].magnitude)
      }
      // As in the tests of small trajectories: a fraction of the displacement, and one unit in the last place per step.
      let units = Double(reference.settings.steps) * Double(Float(magnitude).ulp)
      #expect(error <= 2e-6 * largest + units, "\(name)")
      var line = "\(name): parameter within \(error / largest) of the largest displacement"

      for (key, moments, share) in [
        ("exp_avg_sq_row", state.rowMoments, 2e-6), ("exp_avg_sq_col", state.columnMoments, 2e-6),
        ("exp_avg", state.firstMoments, 2e-6 * Double(reference.settings.steps)),
      ] {
        guard let moments else { continue }
        let theirs = try reference.doubles("\(variant).float64.\(key)")
        let ours = moments.scalars(as: Float.self)
        // Updates of both signs cancel in the momentum, so its error is relative to the largest.
        let floor = key == "exp_avg" ? theirs.reduce(0) { max($0, $1.magnitude) } : 0
        var error = 0.0
        for (our, their) in zip(ours, theirs) {
          error = max(error, (Double(our) - their).magnitude / max(their.magnitude, floor))
        }
        #expect(ours.count == theirs.count && error <= share, "\(name), \(key)")
        line += ", \(key) within \(error)"
      }
      print(line)
    }
  }
}

/// One case of the directory. The comment at the top of scripts/reference/large.py describes its contents.
private struct LargeReference {
  let settings: Settings
  private let file: SafetensorsFile

  struct Settings: Decodable {
    let shape: [Int]
    let steps: Int
    let options: [String: Adafactor.Options]
  }

  static let directory: URL? = ProcessInfo.processInfo.environment["ADAFACTOR_LARGE_REFERENCE"].map {
    URL(fileURLWithPath: $0).appending(path: "adafactor-large")
  }

  static let names: [String] = {
    guard let directory else { return [] }
    let files = try! FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
    return files.filter { $0.pathExtension == "json" }.map { $0.deletingPathExtension().lastPathComponent }
      .sorted()
  }()

  init(_ name: String) throws {
    let path = Self.directory!.appending(path: name)
    let data = try Data(contentsOf: path.appendingPathExtension("json"))
    settings = try JSONDecoder().decode(Settings.self, from: data)
    file = try SafetensorsFile(path: path.appendingPathExtension("safetensors").path)
  }

  var shape: Shape { Shape(settings.shape) }

  func floats(_ name: String) throws -> [Float] { try file.values(of: name, as: Float.self) }
  func doubles(_ name: String) throws -> [Double] { try file.values(of: name, as: Double.self) }
}
