import Testing

@testable import adafactor

@Suite("Reports in columns")
struct ReportTextTests {
  private let rows = [
    ["optimizer", "test accuracy", "optimizer ms/step"], ["adafactor:lr=1e-3", "97.1 %", "0.020"],
    ["adamw", "9.0 %", "10.5"],
  ]

  @Test func `Rows that fit have one line each`() {
    let text = """
      optimizer          test accuracy  optimizer ms/step
      adafactor:lr=1e-3         97.1 %              0.020
      adamw                      9.0 %               10.5

      """
    #expect(ReportText.columns(rows, leftAligned: 1, width: 51) == text)
    #expect(ReportText.columns(rows, leftAligned: 1, width: .max) == text)
  }

  @Test func `In rows that do not fit, titles are stacked, then names are put above their numbers`() {
    let narrow = """
                             test  optimizer
      optimizer          accuracy    ms/step
      adafactor:lr=1e-3    97.1 %      0.020
      adamw                 9.0 %       10.5

      """
    #expect(ReportText.columns(rows, leftAligned: 1, width: 50) == narrow)
    #expect(ReportText.columns(rows, leftAligned: 1, width: 38) == narrow)
    #expect(
      ReportText.columns(rows, leftAligned: 1, width: 37)
        == [
          "               test  optimizer", "optimizer  accuracy    ms/step", "adafactor:lr=1e-3",
          "             97.1 %      0.020", "adamw", "              9.0 %       10.5", "",
        ].joined(separator: "\n"))
  }

  @Test func `Long texts are continued with an indent`() {
    let rows = [("data", "150 rows, 5 columns, with a header"), ("classes", "a")]
    #expect(ReportText.rows(rows, width: .max) == "data     150 rows, 5 columns, with a header\nclasses  a\n")
    #expect(
      ReportText.rows(rows, width: 33) == """
        data     150 rows, 5 columns,
                 with a header
        classes  a

        """)
  }
}
