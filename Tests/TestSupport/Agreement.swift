import Testing

/// Describes the first element of `found` that differs from its expected value by more than `bound`. Returns
/// `nil` if there is none.
package func disagreement(
  _ found: [Double], _ expected: [Double], bound: (Double) -> Double
) -> String? {
  disagreement(found, expected, boundAt: { bound(expected[$0]) })
}

/// Describes the first element of `found` that differs from its expected value by more than the bound at its
/// index. Returns `nil` if there is none. NaN agrees with NaN, and infinity agrees with itself.
package func disagreement(
  _ found: [Double], _ expected: [Double], boundAt bound: (Int) -> Double
) -> String? {
  if found.count != expected.count { return "\(found.count) elements, not \(expected.count)" }
  for index in 0..<found.count {
    let (our, their) = (found[index], expected[index])
    if our == their || our.isNaN && their.isNaN { continue }
    if !((our - their).magnitude <= bound(index)) {
      return "[\(index)] is \(our), not \(their) ± \(bound(index))"
    }
  }
  return nil
}

/// Expects each element within a bound of its expected value, and reports the first one that is not. A
/// comparison of arrays within `#expect` would print all of them.
package func expectAgreement(
  _ name: String, _ found: [Double], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation,
  bound: (Int) -> Double
) {
  if let difference = disagreement(found, expected, boundAt: bound) {
    Issue.record("\(name): \(difference)", sourceLocation: sourceLocation)
  }
}

/// Returns whether two lists agree element by element, NaN with NaN.
package func agree(_ x: [Double], _ y: [Double], within bound: (Int) -> Double) -> Bool {
  x.count == y.count
    && x.indices.allSatisfy { x[$0].isNaN ? y[$0].isNaN : abs(x[$0] - y[$0]) <= bound($0) }
}
