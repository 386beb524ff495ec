import Foundation
import Safetensors

@testable import AdafactorTool

/// A part of the package that reads files or text from others.
protocol Surface: AnyObject {
  /// Valid inputs, with which mutations start.
  var seeds: [[UInt8]] { get throws }

  /// Words that a mutation may put in place of others.
  var words: [String] { get }

  /// Reads an input. The input must be used, or refused by an error. libFuzzer finds traps, hangs and
  /// allocations.
  func check(_ input: [UInt8]) throws

  /// Returns the text of an error that a user sees.
  func message(_ error: any Error) -> String
}

extension Surface {
  var words: [String] { [] }

  func message(_ error: any Error) -> String { "\(error)" }
}

/// The folder of a surface's files.
struct Workplace {
  let path: String

  init(_ path: String) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  func read(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: URL(filePath: path(name)))) }

  func write(_ bytes: some Sequence<UInt8>, _ name: String) throws {
    try Data(bytes).write(to: URL(filePath: path(name)))
  }

  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  func remove(_ name: String) { try? FileManager.default.removeItem(atPath: path(name)) }

  func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted()
  }
}

/// A safetensors file as an input: its JSON, a byte 0, and its data.
///
/// The length before the JSON is corrected, and the data is cut or extended, so that mutations get past the
/// checks of sizes. The surface `headers` has files with wrong sizes.
enum TensorFile {
  static func input(_ file: [UInt8]) -> [UInt8] {
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    return file[8..<8 + length] + [0] + file[(8 + length)...]
  }

  static func file(_ input: some Collection<UInt8>) -> [UInt8] {
    var json = Array(input.prefix { $0 != 0 })
    var data = Array(input.dropFirst(json.count + 1))
    while !json.count.isMultiple(of: 8) { json.append(UInt8(ascii: " ")) }
    func file() -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json + data }
    let bytes = file()
    do throws(SafetensorsError) {
      _ = try SafetensorsHeader(fileBytes: bytes, fileByteCount: bytes.count)
    } catch {
      if case .wrongDataByteCount(let expected, _) = error.reason, expected < 1 << 16 {
        data = Array((data + [UInt8](repeating: 0, count: expected)).prefix(expected))
        return file()
      }
    }
    return bytes
  }
}

/// A table that can be learned, with two features, a label, and samples of two classes.
let sampleTable = """
  length,width,kind
  1.5,2.25,a
  1.25,2.5,a
  -0.5,1e-1,b
  0.25,-0.75,b
  1.75,2.0,a
  -1,0.5,b
  1.0,2.75,a
  0.5,-0.25,b

  """
