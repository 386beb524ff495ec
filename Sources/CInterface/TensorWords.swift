import CAdafactor

extension UnsafeMutablePointer<adafactor_tensor> {
  /// The properties that a tensor is prepared for.
  var words: [Int] {
    var words: [Int] = []
    _ = visit {
      words.append($0)
      return true
    }
    return words
  }

  /// Whether a tensor has the properties that it was prepared for, and nothing else about it is impossible.
  func matches(_ words: [Int]) -> Bool {
    guard pointee.has_state == 1, pointee.gradient != nil, pointee.gradient_scale.isFinite,
      pointee.squares >= 0, pointee.squares.isFinite
    else { return false }
    return words.withUnsafeBufferPointer { words in
      var place = 0
      let isEqual = visit {
        guard place < words.count, words[place] == $0 else { return false }
        place += 1
        return true
      }
      return isEqual && place == words.count
    }
  }

  /// Passes the properties one by one, until one is not taken.
  @inline(__always)
  private func visit(_ body: (Int) -> Bool) -> Bool {
    let tensor = self
    guard body(Int(bitPattern: tensor.pointee.parameter)),
      body(Int(tensor.pointee.parameter_type) << 32 | Int(tensor.pointee.gradient_type)),
      body(hash(tensor.pointee.name)), body(Int(tensor.pointee.state_count)),
      visit(tensor.pointee.shape, tensor.pointee.rank, body)
    else { return false }
    guard tensor.pointee.state_count > 0 else { return true }
    guard let states = tensor.pointee.states else { return false }
    for place in 0..<Int(tensor.pointee.state_count) {
      let state = states + place
      guard body(Int(bitPattern: state.pointee.data)),
        body(Int(state.pointee.type) << 32 | Int(state.pointee.is_new)), body(hash(state.pointee.name)),
        visit(state.pointee.shape, state.pointee.rank, body)
      else { return false }
    }
    return true
  }

  @inline(__always)
  private func visit(_ shape: UnsafePointer<Int64>?, _ rank: Int64, _ body: (Int) -> Bool) -> Bool {
    guard body(Int(rank)) else { return false }
    guard rank > 0 else { return true }
    guard let shape else { return false }
    for axis in 0..<Int(rank) where !body(Int(shape[axis])) { return false }
    return true
  }

  /// FNV-1a of a text; 0 for none.
  @inline(__always)
  private func hash(_ text: UnsafePointer<CChar>?) -> Int {
    guard var byte = text else { return 0 }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    while byte.pointee != 0 {
      hash = (hash ^ UInt64(UInt8(bitPattern: byte.pointee))) &* 0x0000_0100_0000_01B3
      byte += 1
    }
    return Int(truncatingIfNeeded: hash)
  }
}
