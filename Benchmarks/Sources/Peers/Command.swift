import Optimizers
import Tensors

/// A command: `{"do": "list"}`, `{"do": "prepare", "optimizer": …}`, `{"do": "first"}`,
/// `{"do": "run", "steps": 10}`, `{"do": "write", "path": …}`, `{"do": "release"}`.
enum Command: Decodable {
  /// Lists the workloads and backends.
  case list
  /// Makes parameters, gradients and an optimizer, in place of earlier ones.
  case prepare(Settings)
  /// Times one step without any before it: the first after `prepare` sets up the state.
  case first
  /// Steps once, then times so many steps.
  case run(steps: Int)
  /// Writes parameters and state to a safetensors file.
  case write(path: String)
  /// Gives the memory back.
  case release

  /// What is measured.
  struct Settings: Decodable {
    let optimizer: OptimizerName
    /// Absent for the traffic, which no backend computes.
    let backend: Backend?
    let threads: Int
    let shapes: [[Int]]
    /// Options of SOAP that are not at their defaults.
    let soap: SOAP.Options?
  }

  /// The optimizers, and the memory traffic that each cannot do without.
  enum OptimizerName: String, Decodable {
    case adafactor
    case adamW = "adamw"
    case muon
    case soap
    /// The products A G and G B for each G, n × m, with A n × n and B m × m: the rate that matrix products reach.
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
