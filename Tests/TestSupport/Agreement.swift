/// Describes the first of `found` that differs from its expected value by more than `bound`; `nil` if none does.
package func disagreement(
  _ found: [Double], _ expected: [Double], bound: (Double) -> Double
) -> String? {
  if found.count != expected.count { return "\(found.count) elements, not \(expected.count)" }
  for index in 0..<found.count {
    let (our, their) = (found[index], expected[index])
    if our.isNaN && their.isNaN { continue }
    if !((our - their).magnitude <= bound(their)) {
      return "[\(index)] is \(our), not \(their) ± \(bound(their))"
    }
  }
  return nil
}

/// Whether two lists agree element by element, NaN with NaN.
package func agree(_ x: [Double], _ y: [Double], within bound: (Int) -> Double) -> Bool {
  x.count == y.count
    && x.indices.allSatisfy { x[$0].isNaN ? y[$0].isNaN : abs(x[$0] - y[$0]) <= bound($0) }
}
