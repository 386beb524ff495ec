/// A raster of dots, two by four in each character of a terminal (Unicode's Braille patterns).
struct DotCanvas {
  let columns: Int
  let rows: Int
  /// The dots of each character, and the curve that was drawn there last.
  private var cells: [(dots: UInt8, layer: Int)]

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    cells = Array(repeating: (0, 0), count: columns * rows)
  }

  var width: Int { columns * 2 }
  var height: Int { rows * 4 }

  /// Sets the dot `x` from the left and `y` from the top.
  mutating func set(x: Int, y: Int, layer: Int) {
    guard (0..<width).contains(x) && (0..<height).contains(y) else { return }
    let cell = y / 4 * columns + x / 2
    cells[cell].dots |= Self.bits[y % 4][x % 2]
    cells[cell].layer = layer
  }

  /// Draws a line of dots between two dots, both included.
  mutating func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int), layer: Int) {
    let length = max(abs(end.x - start.x), abs(end.y - start.y))
    for step in 0...length {
      let part = length == 0 ? 0 : Double(step) / Double(length)
      set(
        x: start.x + Int((Double(end.x - start.x) * part).rounded()),
        y: start.y + Int((Double(end.y - start.y) * part).rounded()), layer: layer)
    }
  }

  /// Returns the characters of a row, each with the curve that was drawn there last, or `nil` if there is
  /// none.
  func row(_ row: Int) -> [(character: Character, layer: Int?)] {
    cells[row * columns..<(row + 1) * columns].map { cell in
      cell.dots == 0 ? (" ", nil) : (Character(Unicode.Scalar(0x2800 + UInt32(cell.dots))!), cell.layer)
    }
  }

  /// The bit of each dot, by row and column, as Unicode numbers them.
  private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
}
