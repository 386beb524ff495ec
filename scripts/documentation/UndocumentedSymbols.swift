// Lists the public symbols of symbol graphs that have no doc comment, by file and line.
//
// usage: UndocumentedSymbols FOLDER
//
// swift-format's rule for the same purpose checks only declarations, not enumeration cases and associated
// types.

import Foundation

/// The part of a symbol graph's entry for a symbol that is needed here.
struct Symbol: Decodable {
  struct Kind: Decodable { let identifier: String }
  struct Location: Decodable {
    struct Position: Decodable { let line: Int }
    let uri: String
    let position: Position
  }
  struct Comment: Decodable {}

  let kind: Kind
  let pathComponents: [String]
  let location: Location?
  let docComment: Comment?

  /// Whether the symbol lacks a doc comment. Members that the compiler adds have no location in a source. The
  /// comment of an extension is the comment of its members.
  var isUndocumented: Bool { docComment == nil && location != nil && kind.identifier != "swift.extension" }
}

struct SymbolGraph: Decodable { let symbols: [Symbol] }

let folder = URL(fileURLWithPath: CommandLine.arguments[1], isDirectory: true)
let root = "file://" + FileManager.default.currentDirectoryPath + "/"
let graphs = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
  .compactMap { $0 as? URL }.filter { $0.pathExtension == "json" }
let symbols = try graphs.flatMap { try JSONDecoder().decode(SymbolGraph.self, from: Data(contentsOf: $0)).symbols }

let places = symbols.filter(\.isUndocumented).map { symbol in
  let (file, line) = (symbol.location!.uri, symbol.location!.position.line + 1)
  let name = symbol.pathComponents.joined(separator: ".")
  return "\(file.hasPrefix(root) ? String(file.dropFirst(root.count)) : file):\(line): \(name)"
}
print("\(symbols.count) public symbols, \(places.count) without a doc comment")
for place in places.sorted() { print(place) }
// An empty folder would have no undocumented symbols either.
exit(symbols.isEmpty || !places.isEmpty ? 1 : 0)
