import Foundation
import Optimizers
import Schedules
import Tensors

// Solves u'' = f with u(0) = u(1) = 0 by a physics-informed network. The loss is the residual of the equation
// at points, plus the residual of the boundary conditions. Prints one line of JSON. Such problems are
// ill-conditioned: the solution has a high-frequency part with a large second derivative.
//
// usage: PhysicsInformed OPTIMIZER RATE STEPS

struct Result: Encodable {
  let optimizer: String
  let rate: Double
  let steps: Int
  /// The loss before every tenth step, and the seconds up to it.
  let losses: [Double]
  let seconds: [Double]
  /// ‖u − u*‖ / ‖u*‖ at the end.
  let relativeError: Double
  let stateBytes: Int
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 3, let rate = Double(arguments[2]), let stepCount = Int(arguments[3]), stepCount > 0
else {
  FileHandle.standardError.write(Data("usage: PhysicsInformed OPTIMIZER RATE STEPS\n".utf8))
  exit(2)
}
let name = arguments[1]

/// The terms of u* = Σ cₖ sin kπx.
let parts: [(k: Double, c: Double)] = [(1, 1), (4, 0.3), (6, 0.1)]
func solution(_ x: Double) -> Double { parts.reduce(0) { $0 + $1.c * sin($1.k * .pi * x) } }
func force(_ x: Double) -> Double { parts.reduce(0) { $0 - $1.c * pow($1.k * .pi, 2) * sin($1.k * .pi * x) } }

let interior = 128
let points = (0..<interior).map { (Double($0) + 0.5) / Double(interior) } + [0, 1]
let forces = points.map(force)
let scale = forces.reduce(0) { $0 + $1 * $1 } / Double(interior)
let boundaryWeight = 10.0

var generator = SeededGenerator(seed: 1)
let network = Network(width: 64, layers: 3, using: &generator)

func makeOptimizer(_ network: Network) throws -> Optimizer {
  let (parameters, backend) = (network.parameters, Backend.default)
  let adamW = AdamW.Options(learningRate: rate, weightDecay: 0)
  let adafactor = Adafactor.Options(
    learningRate: .constant(rate), beta1: 0.9, scaleParameter: false)
  switch name {
  case "adafactor": return try Adafactor(parameters, options: adafactor, backend: backend)
  case "adamw": return try AdamW(parameters, options: adamW, backend: backend)
  case "muon":
    return try MultiOptimizer(
      parameters,
      hiddenMatrices: Muon.Options(learningRate: rate, weightDecay: 0, adjustment: .matchRMSAdamW),
      rest: adamW,
      excluding: ["^weight\\.(0|\(network.weights.count - 1))$"], backend: backend)
  case "soap":
    return try SOAP(parameters, options: .init(learningRate: rate, weightDecay: 0), backend: backend)
  case "factored_soap":
    return try FactoredSOAP(parameters, options: .init(adafactor: adafactor), backend: backend)
  default:
    FileHandle.standardError.write(
      Data("there is no optimizer \(name); choose adafactor, adamw, muon, soap or factored_soap\n".utf8))
    exit(2)
  }
}

let optimizer = try makeOptimizer(network)
let scheduler = try LearningRateScheduler(
  optimizer, CosineSchedule(warmupSteps: min(100, stepCount / 10), trainingSteps: stepCount))
var (losses, seconds): ([Double], [Double]) = ([], [])
let start = ContinuousClock.now
let count = points.count
var values: [Double] = []
for step in 0...stepCount {
  let layers: [Network.Layer]
  (values, layers) = network.forward(points)
  var (loss, gradients) = (0.0, Array(repeating: 0.0, count: 3 * count))
  for i in 0..<count {
    if i < interior {
      let residual = values[2 * count + i] - forces[i]
      loss += residual * residual / scale / Double(interior)
      gradients[2 * count + i] = 2 * residual / scale / Double(interior)
    } else {
      loss += boundaryWeight * values[i] * values[i]
      gradients[i] = 2 * boundaryWeight * values[i]
    }
  }
  if step % 10 == 0 {
    losses.append(loss)
    seconds.append((ContinuousClock.now - start) / .seconds(1))
  }
  guard step < stepCount, loss.isFinite else { break }
  network.backward(gradients, layers)
  try optimizer.step()
  scheduler.step()
}

let errors = (0..<interior).map { values[$0] - solution(points[$0]) }
let norm = (0..<interior).reduce(0.0) { $0 + pow(solution(points[$1]), 2) }
let result = Result(
  optimizer: name, rate: rate, steps: stepCount, losses: losses, seconds: seconds,
  relativeError: (errors.reduce(0) { $0 + $1 * $1 } / norm).squareRoot(), stateBytes: optimizer.stateByteCount
)
let encoder = JSONEncoder()
encoder.nonConformingFloatEncodingStrategy = .convertToString(
  positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
print(String(decoding: try encoder.encode(result), as: UTF8.self))
