import Testing

@testable import adafactor

@Suite("Comma-separated values")
struct CSVReaderTests {
  private func records(_ text: String, delimiter: Character = ",") throws -> [CSVReader.Record] {
    var reader = CSVReader(Array(text.utf8), path: "t.csv", delimiter: delimiter.asciiValue!)
    var records: [CSVReader.Record] = []
    while let record = try reader.next() { records.append(record) }
    return records
  }

  @Test func `Every line is a record, with any line ending, and blank lines are skipped`() throws {
    let expected = [
      CSVReader.Record(line: 1, fields: ["a", "b"]), CSVReader.Record(line: 3, fields: ["1", ""]),
    ]
    for text in [
      "a,b\n\n1,\n", "a,b\r\n\r\n1,\r\n", "a,b\r\r1,", "a,b\n  \t\n1,\n\n \n", "\u{FEFF}a,b\n\n1,",
    ] {
      #expect(try records(text) == expected, "\(text.debugDescription)")
    }
    #expect(try records("") == [])
    #expect(try records("\n\r\n \n") == [])
  }

  @Test func `Spaces around a field are not part of it`() throws {
    #expect(try records(" a , b c\t, \n")[0].fields == ["a", "b c", ""])
    #expect(try records(" \"a \" ,b")[0].fields == ["a ", "b"])
  }

  @Test func `Quoted fields may contain delimiters, quotes and line breaks, which count as lines`()
    throws
  {
    let found = try records("\"a,b\",\"say \"\"hi\"\"\",\"x\ny\r\nz\"\n1,2,3\n\"\",\"\",\"\"")
    #expect(
      found == [
        CSVReader.Record(line: 1, fields: ["a,b", "say \"hi\"", "x\ny\r\nz"]),
        CSVReader.Record(line: 4, fields: ["1", "2", "3"]), CSVReader.Record(line: 5, fields: ["", "", ""]),
      ])
  }

  @Test func `Other delimiters separate fields, including tabs`() throws {
    #expect(try records("a;b,c\n", delimiter: ";")[0].fields == ["a", "b,c"])
    #expect(try records("a\t\tb\n", delimiter: "\t")[0].fields == ["a", "", "b"])
  }

  @Test
  func `Unclosed quotes, text after a quote, and invalid bytes are errors with their position`() {
    #expect(throws: TableError("t.csv", line: 2, column: 2, .unterminatedQuote)) {
      try records("a,b\n1,\"2\n3,4\n")
    }
    #expect(throws: TableError("t.csv", line: 1, column: 1, .textAfterQuote)) { try records("\"a\"b,c\n") }
    #expect(throws: TableError("t.csv", line: 1, column: 2, .notUTF8)) {
      var reader = CSVReader([0x61, 0x2C, 0xFF, 0x0A], path: "t.csv")
      _ = try reader.next()
    }
  }
}
