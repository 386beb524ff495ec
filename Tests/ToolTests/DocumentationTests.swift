import Foundation
import Schedules
import Tensors
import Testing

/// Tests that the documentation of the tool matches the tool. `scripts/docs --update` regenerates it.
@Suite("Documentation")
struct DocumentationTests {
  private static let sources = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources")

  // MARK: Curves

  private static let scheduleCatalog = sources.appendingPathComponent("Schedules/Schedules.docc")
  private static let curves = scheduleCatalog.appendingPathComponent("Resources")

  /// Returns the arguments of each command in the article on curves.
  private static func curveCommands() throws -> [[String]] {
    let article = scheduleCatalog.appendingPathComponent("ScheduleCurves.md")
    let text = try lines(of: article).joined(separator: "\n").replacing(" \\\n ", with: "")
    return text.split(separator: "\n")
      .filter { $0.hasPrefix("adafactor schedule ") && $0.contains(" --output ") }
      .map { $0.split(separator: " ").dropFirst().map(String.init) }
  }

  @Test func `The documentation has a curve for every schedule of the catalog, and no other curves`()
    throws
  {
    let article = try Self.lines(of: Self.scheduleCatalog.appendingPathComponent("ScheduleCurves.md"))
    let drawn = try Self.curveCommands().map { try #require($0.last) }
    for entry in ScheduleCatalog.entries {
      #expect(article.contains("### \(entry.name)"))
      #expect(drawn.contains("\(entry.name).svg"), "no command draws \(entry.name).svg")
    }
    let pictures = try FileManager.default.contentsOfDirectory(atPath: Self.curves.path)
      .filter { $0.hasSuffix(".svg") }
    #expect(pictures.sorted() == drawn.sorted())
  }

  @Test func `The curves of the documentation match those that the tool draws`() throws {
    let folder = try ToolRunner.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let metrics = Self.curves.appendingPathComponent("losses.txt").path
    let commands = try Self.curveCommands()
    try #require(!commands.isEmpty)
    for var arguments in commands {
      let name = arguments.removeLast()
      let picture = folder.appendingPathComponent(name)
      arguments = arguments.map { $0 == "losses.txt" ? metrics : $0 } + [picture.path]
      let result = try ToolRunner.run(arguments)
      try #require(result.status == 0, "\(arguments): \(result.errors)")
      let (drawn, shown) = (
        try Self.lines(of: picture), try Self.lines(of: Self.curves.appendingPathComponent(name))
      )
      #expect(drawn.count == shown.count, "\(name) is out of date: scripts/docs --update draws it")
      #expect(
        zip(drawn, shown).allSatisfy { $0 == $1 }, "\(name) is out of date: scripts/docs --update draws it")
    }
  }

  // MARK: Help

  @Test(.enabled(if: Backend.available.count == 2, "the help names the backends of the build"))
  func `The articles on the tool show its help`() throws {
    let catalog = Self.sources.appendingPathComponent("adafactor/adafactor.docc")
    let articles = try FileManager.default.contentsOfDirectory(
      at: catalog, includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "md" }
    var shown: Set<String> = []
    for article in articles {
      for (command, text) in Self.commandBlocks(try Self.lines(of: article)) {
        let result = try ToolRunner.run(
          command.split(separator: " ").map(String.init), environment: ["COLUMNS": "80"])
        let expected = result.lines.map { $0.replacing(#/ +$/#, with: "") }
        #expect(
          text == (expected.last == "" ? expected.dropLast() : expected),
          "\(article.lastPathComponent) is out of date: scripts/docs --update writes it")
        shown.insert(command)
      }
    }
    #expect(
      shown == [
        "--help", "help train", "help predict", "help schedule", "help step", "help inspect",
        "schedule --list",
      ])
  }

  /// Returns each comment `<!-- adafactor ARGUMENTS -->` with the lines of the block after it.
  private static func commandBlocks(_ lines: [String]) -> [(command: String, text: [String])] {
    var blocks: [(command: String, text: [String])] = []
    var isInside = false
    for line in lines {
      if line.hasPrefix("<!-- adafactor ") {
        blocks.append((String(line.dropFirst("<!-- adafactor ".count).dropLast(" -->".count)), []))
      } else if line == "```text", blocks.last?.text.isEmpty == true {
        isInside = true
      } else if line == "```" {
        isInside = false
      } else if isInside {
        blocks[blocks.count - 1].text.append(line)
      }
    }
    return blocks
  }

  private static func lines(of file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }
}
