import Foundation
import Testing

@testable import adafactor

@Suite("Tables of samples")
struct TableTests {
  private func table(_ text: String, _ format: Table.Format = Table.Format()) throws -> Table {
    try Table(bytes: Array(text.utf8), path: "t.csv", format: format)
  }

  @Test func `A first row without a number is a header, any other is data`() throws {
    let named = try table("a,b,species\n1,2,x\n3,4.5,y\n")
    #expect(named.featureNames == ["a", "b"])
    #expect(named.features == [1, 2, 3, 4.5])
    #expect(named.labels == ["x", "y"])
    let bare = try table("1,2,x\n3,-4e3,y\n")
    #expect(bare.featureNames == nil)
    #expect(bare.features == [1, 2, 3, -4000])
    #expect(try table("1,2,3\n4,5,6\n", Table.Format(hasHeader: true)).labels == ["6"])
    #expect(throws: TableError("t.csv", line: 1, column: 1, .notANumber("a", columnName: nil))) {
      try table("a,b,c\n1,2,3\n", Table.Format(hasHeader: false))
    }
  }

  @Test func `The label's column by name, by number, and by default`() throws {
    let text = "a,label,b\n1,x,2\n3,y,4\n"
    #expect(try table(text).labels == ["x", "y"])
    #expect(try table(text, Table.Format(label: "label")).features == [1, 2, 3, 4])
    #expect(try table(text, Table.Format(label: "2")).labels == ["x", "y"])
    #expect(try table("a,b\n1,x\n").labels == ["x"])
    #expect(try table("x,1\ny,2\n", Table.Format(label: "1")).features == [1, 2])
    // A name goes before a number.
    #expect(try table("a,1\n5,6\n", Table.Format(label: "1", hasHeader: true)).labels == ["6"])
  }

  @Test func `A label that no column has, or several have, is an error that lists the columns`() throws {
    let text = "a,b,b\n1,2,3\n"
    let problem = TableError.Problem.noLabelColumn("c", names: ["a", "b", "b"], count: 3)
    #expect(throws: TableError("t.csv", problem)) { try table(text, Table.Format(label: "c")) }
    #expect(problem.description.contains("\"a\", \"b\", \"b\""))
    #expect(throws: TableError("t.csv", .ambiguousLabelColumn("b"))) {
      try table(text, Table.Format(label: "b"))
    }
    #expect(throws: TableError("t.csv", .noLabelColumn("4", names: nil, count: 3))) {
      try table("1,2,3\n", Table.Format(label: "4"))
    }
  }

  @Test func `A cell that is no finite number is an error with line, column, name and text`() {
    for text in ["oops", "", "nan", "inf", "1e999", "1,5 "] {
      let cell = text.contains(",") ? "\"\(text)\"" : text
      #expect(throws: TableError("t.csv", line: 3, column: 2, .notANumber(text, columnName: "b")), "\(text)")
      {
        try table("a,b,label\n1,2,x\n3,\(cell),y\n")
      }
    }
    let error = TableError("t.csv", line: 3, column: 2, .notANumber("oops", columnName: "b"))
    #expect(
      error.description == """
        t.csv, line 3, column 2: "oops" is not a finite number (column "b"); \
        every column but the label's must hold numbers
        """)
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

  @Test func `A file that cannot be read is an error in the system's words`() {
    #expect(
      throws: ToolFileError(path: "/nowhere/t.csv", problem: "cannot be read: No such file or directory")
    ) {
      try Table(path: "/nowhere/t.csv")
    }
    #expect(throws: ToolFileError.self) { try Table(path: "/") }
  }
}
