import Checkpoints
import Optimizers
import Tensors
import Workloads

/// What is measured: an optimizer with its parameters, or the traffic.
enum Subject {
  case adafactor(Adafactor)
  case adamW(AdamW)
  case traffic(MemoryTraffic)

  init(_ settings: Command.Settings) throws {
    let shapes = settings.shapes.map { Shape($0) }
    let parameters = { Workload("", name: "", shapes: shapes).parameters() }
    let backend = settings.backend ?? .default
    switch settings.optimizer {
    case .adafactor:
      self = .adafactor(try Adafactor(parameters(), backend: backend, threads: settings.threads))
    case .adamW:
      self = .adamW(try AdamW(parameters(), backend: backend, threads: settings.threads))
    case .adafactorTraffic:
      self = .traffic(MemoryTraffic(.adafactor, shapes: shapes, threads: settings.threads))
    case .adamWTraffic:
      self = .traffic(MemoryTraffic(.adamW, shapes: shapes, threads: settings.threads))
    }
  }

  private func step() throws {
    switch self {
    case .adafactor(let optimizer): try optimizer.step()
    case .adamW(let optimizer): try optimizer.step()
    case .traffic(let traffic): traffic.move()
    }
  }

  /// Seconds that `steps` steps take. As many come first: other programs have had the caches meanwhile, and threads and
  /// clock must wake.
  func run(_ steps: Int) throws -> Double {
    for _ in 0..<steps { try step() }
    let duration = try ContinuousClock().measure {
      for _ in 0..<steps { try step() }
    }
    return duration / .seconds(1)
  }

  /// Writes parameters and moments under the reference's names, followed by the parameter's index.
  func write(to path: String) throws {
    var file = TensorCollection()
    func add<State: OptimizerParameterState>(_ parameter: Parameter, _ state: State?) {
      file.tensors["parameter.\(parameter.name)"] = parameter.value
      for (name, tensor) in state?.tensors ?? [:] { file.tensors["\(name).\(parameter.name)"] = tensor }
    }
    switch self {
    case .adafactor(let optimizer):
      for parameter in optimizer.parameters { add(parameter, optimizer.state(of: parameter)) }
    case .adamW(let optimizer):
      for parameter in optimizer.parameters { add(parameter, optimizer.state(of: parameter)) }
    case .traffic:
      throw CommandError(description: "The memory traffic has no parameters to write.")
    }
    try file.write(to: path)
  }
}
