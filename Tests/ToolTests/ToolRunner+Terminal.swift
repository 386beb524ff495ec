import Foundation
import Testing

#if os(Linux)
  extension ToolRunner {
    // TIOCSPTLCK and TIOCGPTN, whose macros are not imported. The headers hide posix_openpt() and related
    // functions.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    /// Runs `adafactor` with a terminal of this size as its standard output.
    static func runInTerminal(
      _ arguments: String..., columns: UInt16 = 80, rows: UInt16 = 24, environment: [String: String] = [:]
    ) throws -> Result {
      let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      try #require(terminal >= 0, "no pseudo terminal can be opened")
      defer { close(terminal) }
      var lock: Int32 = 0
      var number: Int32 = 0
      #expect(ioctl(terminal, setLock, &lock) == 0 && ioctl(terminal, getNumber, &number) == 0)
      let toolSide = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      try #require(toolSide >= 0, "/dev/pts/\(number) cannot be opened")
      var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
      #expect(ioctl(toolSide, UInt(TIOCSWINSZ), &size) == 0)

      let process = Process()
      process.executableURL = try executable()
      process.arguments = arguments
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle(fileDescriptor: toolSide, closeOnDealloc: false)
      process.standardError = FileHandle.nullDevice
      try process.run()
      // The end is visible only after everyone has closed the tool's side.
      close(toolSide)
      var output: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while case let count = read(terminal, &buffer, buffer.count), count > 0 { output += buffer[..<count] }
      process.waitUntilExit()
      // A terminal ends its lines with a carriage return, too.
      let text = String(decoding: output, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
      return Result(status: process.terminationStatus, output: text, errors: "")
    }
  }
#endif
