import Optimizers
import Tensors

/// A command: `{"do": "list"}`, `{"do": "prepare", "optimizer": …}`, `{"do": "first"}`,
/// `{"do": "run", "steps": 10}`, `{"do": "write", "path": …}`, `{"do": "release"}`.
enum Command: Decodable {
  /// Lists the workloads and backends.
  case list
  /// Creates parameters, gradients and an optimizer, which replace earlier ones.
  case prepare(Settings)
  /// Times one step without any steps before it. The first step after `prepare` creates the state.
  case first
  /// Takes this number of steps to warm up, then times the same number of steps.
  case run(steps: Int)
  /// Writes parameters and state to a safetensors file.
  case write(path: String)
  /// Releases the memory.
  case release

  /// The subject of the measurement.
  struct Settings: Decodable {
    let optimizer: OptimizerName
    /// The backend, which is absent for the memory traffic.
    let backend: Backend?
    let threads: Int
    let shapes: [[Int]]
    /// The options of SOAP, if they differ from the defaults.
    let soap: SOAP.Options?
  }

  /// The optimizers, and the minimum memory traffic of each.
  enum OptimizerName: String, Decodable {
    case adafactor
    case adamW = "adamw"
    case muon
    case soap
    /// The products A G and G B for each G, n × m, with A n × n and B m × m, which show the rate of matrix
    /// products.
    case products
    case adafactorTraffic = "adafactor-traffic"
    case adamWTraffic = "adamw-traffic"
  }

  private enum Key: CodingKey {
    case `do`, steps, path
  }

  private enum Verb: String, Decodable {
    case list, prepare, first, run, write, release
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    switch try container.decode(Verb.self, forKey: .do) {
    case .list: self = .list
    case .prepare: self = .prepare(try Settings(from: decoder))
    case .first: self = .first
    case .run: self = .run(steps: try container.decode(Int.self, forKey: .steps))
    case .write: self = .write(path: try container.decode(String.self, forKey: .path))
    case .release: self = .release
    }
  }
}
