import Checkpoints
import Optimizers
import Tensors
import Workloads

/// The subject of a measurement: an optimizer with its parameters, the memory traffic, or matrix products.
enum Subject {
  case optimizer(Optimizer)
  case traffic(MemoryTraffic)
  case products(Backend, [(left: Tensor, matrix: Tensor, right: Tensor)])

  init(_ settings: Command.Settings) throws {
    let shapes = settings.shapes.map { Shape($0) }
    let parameters = { Workload("", name: "", shapes: shapes).parameters() }
    let backend = settings.backend ?? .default
    switch settings.optimizer {
    case .adafactor:
      self = .optimizer(try Adafactor(parameters(), backend: backend, threads: settings.threads))
    case .adamW:
      self = .optimizer(try AdamW(parameters(), backend: backend, threads: settings.threads))
    case .muon:
      self = .optimizer(try Muon(parameters(), backend: backend, threads: settings.threads))
    case .soap:
      let options = settings.soap ?? SOAP.Options()
      self = .optimizer(try SOAP(parameters(), options: options, backend: backend, threads: settings.threads))
    case .products:
      let noise = { (shape: Shape) in Workload("", name: "", shapes: [shape]).parameters()[0].value }
      self = .products(
        backend,
        shapes.map { (noise([$0[0], $0[0]]), noise($0), noise([$0[1], $0[1]])) })
    case .adafactorTraffic:
      self = .traffic(MemoryTraffic(.adafactor, shapes: shapes, threads: settings.threads))
    case .adamWTraffic:
      self = .traffic(MemoryTraffic(.adamW, shapes: shapes, threads: settings.threads))
    }
  }

  private func step() throws {
    switch self {
    case .optimizer(let optimizer): try optimizer.step()
    case .traffic(let traffic): traffic.move()
    case .products(let backend, let factors):
      Backend.withDefault(backend) {
        for (left, matrix, right) in factors {
          _ = left.matmul(matrix)
          _ = matrix.matmul(right)
        }
      }
    }
  }

  /// Returns the seconds of one step, without any steps before it.
  func first() throws -> Double { try ContinuousClock().measure { try step() } / .seconds(1) }

  /// The size of the optimizer's state in bytes, or `nil` for other subjects.
  var stateByteCount: Int? {
    guard case .optimizer(let optimizer) = self else { return nil }
    return optimizer.stateByteCount
  }

  /// Returns the seconds of `steps` steps. The same number of steps is taken first, because other programs
  /// have used the caches, and threads and clock must wake up.
  func run(_ steps: Int) throws -> Double {
    for _ in 0..<steps { try step() }
    let duration = try ContinuousClock().measure {
      for _ in 0..<steps { try step() }
    }
    return duration / .seconds(1)
  }

  /// Writes parameters and moments under the reference's names, followed by the parameter's index.
  func write(to path: String) throws {
    guard case .optimizer(let optimizer) = self else {
      throw CommandError(description: "Only optimizers have parameters to write.")
    }
    var file = TensorCollection()
    let states = optimizer.state().parameters
    for parameter in optimizer.parameters {
      file.tensors["parameter.\(parameter.name)"] = parameter.value
      for (name, tensor) in states[parameter.name]?.tensors ?? [:] {
        file.tensors["\(name).\(parameter.name)"] = tensor
      }
    }
    try file.write(to: path)
  }
}
