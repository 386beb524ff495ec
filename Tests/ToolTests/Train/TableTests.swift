import Foundation
import Testing

@testable import adafactor

@Suite("Tables of samples")
struct TableTests {
  private func table(_ text: String, _ format: Table.Format = Table.Format()) throws -> Table {
    try Table(bytes: Array(text.utf8), path: "t.csv", format: format)
  }

  @Test func `A first row without numbers is a header, and any other is data`() throws {
    let named = try table("a,b,species\n1,2,x\n3,4.5,y\n")
    #expect(named.columns.names == ["a", "b", "species"] && named.columns.features == [0, 1])
    #expect(named.lines == [2, 3])
    #expect(named.features == [1, 2, 3, 4.5])
    #expect(named.labels == ["x", "y"])
    let bare = try table("1,2,x\n3,-4e3,y\n")
    #expect(bare.columns.names == nil)
    #expect(bare.features == [1, 2, 3, -4000])
    #expect(try table("1,2,3\n4,5,6\n", Table.Format(hasHeader: true)).labels == ["6"])
    #expect(throws: TableError("t.csv", line: 1, column: 1, .notANumber("a", .init(name: nil)))) {
      try table("a,b,c\n1,2,3\n", Table.Format(hasHeader: false))
    }
  }

  @Test func `The label column is given by name or number, or is the default`() throws {
    let text = "a,label,b\n1,x,2\n3,y,4\n"
    #expect(try table(text).labels == ["x", "y"])
    #expect(try table(text, Table.Format(choice: .labeled(by: "label"))).features == [1, 2, 3, 4])
    #expect(try table(text, Table.Format(choice: .labeled(by: "2"))).labels == ["x", "y"])
    #expect(try table("a,b\n1,x\n").labels == ["x"])
    #expect(try table("x,1\ny,2\n", Table.Format(choice: .labeled(by: "1"))).features == [1, 2])
    // A name takes precedence over a number.
    #expect(try table("a,1\n5,6\n", Table.Format(choice: .labeled(by: "1"), hasHeader: true)).labels == ["6"])
  }

  @Test func `A label that no column or several columns have is an error that lists the columns`() throws {
    let text = "a,b,b\n1,2,3\n"
    let problem = TableError.Problem.noColumn("c", option: "--label", names: ["a", "b", "b"], count: 3)
    #expect(throws: TableError("t.csv", problem)) { try table(text, Table.Format(choice: .labeled(by: "c"))) }
    #expect(problem.description.contains("\"a\", \"b\", \"b\""))
    #expect(throws: TableError("t.csv", .ambiguousColumn("b", option: "--label"))) {
      try table(text, Table.Format(choice: .labeled(by: "b")))
    }
    #expect(throws: TableError("t.csv", .noColumn("4", option: "--label", names: nil, count: 3))) {
      try table("1,2,3\n", Table.Format(choice: .labeled(by: "4")))
    }
  }

  @Test func `A cell that is not a finite number is an error with line, column, name and text`() throws {
    for text in ["oops", "inf", "1e999", "1,5 ", "None"] {
      let cell = text.contains(",") ? "\"\(text)\"" : text
      #expect(throws: TableError("t.csv", line: 3, column: 2, .notANumber(text, .init(name: "b"))), "\(text)")
      {
        try table("a,b,label\n1,2,x\n3,\(cell),y\n")
      }
    }
    let error = TableError("t.csv", line: 3, column: 2, .notANumber("oops", .init(name: "b")))
    #expect(
      error.description == """
        t.csv, line 3, column 2: "oops" is not a finite number (column "b"); \
        every column except the label must hold numbers: ignore other columns with --ignore COLUMN
        """)
    // The first line may have been intended as a header.
    #expect(
      throws: TableError("t.csv", line: 1, column: 1, .notANumber("a", .init(name: nil), mayBeHeader: true))
    ) {
      try table("a,2,c\n1,2,x\n")
    }
    #expect(throws: TableError("t.csv", line: 2, column: 1, .tooLarge("-1e301"))) {
      try table("1,a\n-1e301,b\n")
    }
    #expect(try table("1e300,a\n-1e-320,b\n").features == [1e300, Double("-1e-320")!])
  }

  @Test func `A missing value is an error with its line and column, or its row is skipped`() throws {
    for text in ["", "NA", "?", "NaN", "null", "n/a"] {
      let rows = "a,b,label\n1,2,x\n3,\(text),y\n5,6,\(text)\n7,8,z\n"
      let error = TableError("t.csv", line: 3, column: 2, .missing(.init(name: "b")))
      #expect(throws: error, "\(text)") { try table(rows) }
      #expect(error.description.contains("missing (column \"b\"); ignore the column with --ignore COLUMN"))
      #expect(error.description.contains("--missing drop"))
      let label = TableError("t.csv", line: 4, column: 3, .missing(.init(name: "label", role: .label)))
      #expect(throws: label, "\(text)") { try table(rows, Table.Format(choice: .labeled(ignoring: ["b"]))) }
      #expect(label.description.contains("the label, column \"label\""))
      #expect(!label.description.contains("--ignore"))
      let dropped = try table(rows, Table.Format(dropsMissing: true))
      #expect(dropped.features == [1, 2, 7, 8] && dropped.labels == ["x", "z"] && dropped.lines == [2, 5])
      #expect(dropped.droppedRows == 2)
    }
    #expect(throws: TableError("t.csv", .allDropped(2))) {
      try table("?,a\n1,?\n", Table.Format(dropsMissing: true))
    }
  }

  @Test func `Ignored columns may contain anything, and are given by name or number`() throws {
    let text = "id,a,when,b,label\nx1,1,,2,u\nx2,3,today,4,v\n"
    for ignored in [["id", "when"], ["1", "3"], ["when", "1", "id"]] {
      let table = try table(text, Table.Format(choice: .labeled(ignoring: ignored)))
      #expect(table.features == [1, 2, 3, 4] && table.labels == ["u", "v"])
      #expect(table.columns.ignored == [0, 2] && table.columns.features == [1, 3])
    }
    let mistakes: [([String], TableError.Problem)] = [
      (["label"], .ignoredLabel("label")), (["5"], .ignoredLabel("5")),
      (["c"], .noColumn("c", option: "--ignore", names: ["id", "a", "when", "b", "label"], count: 5)),
    ]
    for (ignored, problem) in mistakes {
      #expect(throws: TableError("t.csv", problem)) {
        try table(text, Table.Format(choice: .labeled(ignoring: ignored)))
      }
    }
    #expect(throws: TableError("t.csv", line: 1, .noFeatures)) {
      try table("a,b\n1,x\n", Table.Format(choice: .labeled(ignoring: ["a"])))
    }
  }

  @Test func `Names of columns are compared by their bytes`() throws {
    let text = "e\u{301},\u{E9},label\n1,2,x\n"
    #expect(try table(text, Table.Format(choice: .labeled(ignoring: ["\u{E9}"]))).features == [1])
    #expect(try table(text, Table.Format(choice: .labeled(ignoring: ["e\u{301}"]))).features == [2])
  }

  @Test func `A pipe is read like a file`() throws {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data("a,label\r\n1,x\r\n2,y\r\n".utf8))
    try pipe.fileHandleForWriting.close()
    let table = try Table(path: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
    #expect(table.features == [1, 2] && table.labels == ["x", "y"] && table.lines == [2, 3])
  }

  @Test func `A file that never ends is an error`() {
    let error = ToolFileError(
      path: "/dev/zero", problem: "has more than 1 MB or never ends; give a smaller file")
    #expect(throws: error) { try WholeFile.read("/dev/zero", byteCountLimit: 1 << 20) }
  }

  @Test func `Empty, ragged and one-column tables are errors`() {
    for text in ["", "\n\n", "a,b\n"] {
      #expect(throws: TableError("t.csv", .empty), "\(text.debugDescription)") { try table(text) }
    }
    #expect(throws: TableError("t.csv", line: 4, .ragged(found: 3, expected: 2))) {
      try table("a,b\n1,2\n\n1,2,3\n")
    }
    #expect(throws: TableError("t.csv", line: 1, .noFeatures)) { try table("a\n1\n") }
  }

  @Test func `A file that cannot be read is an error with the system's text`() {
    #expect(
      throws: ToolFileError(path: "/nowhere/t.csv", problem: "cannot be read: No such file or directory")
    ) {
      try Table(path: "/nowhere/t.csv")
    }
    #expect(throws: ToolFileError.self) { try Table(path: "/") }
  }
}
