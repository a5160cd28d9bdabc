import CLexLinux
import Glibc
import LexHost
import LexIPC
import Synchronization

/// A terminal with a program on it, as a person would have it.
package final class Pty: Sendable {
    /// The program.
    package let child: ChildProcess
    private let master: OwnedDescriptor
    private let seen = Mutex<[UInt8]>([])

    /// Starts a program on a new terminal of this size.
    package init(_ program: Program, _ arguments: [String], rows: Int = 24, columns: Int = 80) throws {
        var ends: (master: Int32, slave: Int32) = (-1, -1)
        try checked("open", "a terminal") { lex_open_terminal(&ends.master, &ends.slave) }
        let master = OwnedDescriptor(taking: ends.master)
        // Open until the program has it: a terminal nobody has open hangs up.
        defer { Glibc.close(ends.slave) }
        let flags = fcntl(master.number, F_GETFL)
        try checked("set the flags of", "a terminal") { fcntl(master.number, F_SETFL, flags | O_NONBLOCK) }
        _ = lex_set_window_size(master.number, UInt16(rows), UInt16(columns))
        let environment = program.environment.merging(["TERM": "xterm"]) { $1 }
        child = try ChildProcess(
            program.path, arguments, environment: environment,
            terminal: "/dev/pts/\(lex_terminal_number(master.number))")
        self.master = consume master
    }

    /// Everything the terminal has shown so far.
    package var text: String {
        drain()
        return seen.withLock { String(decoding: $0, as: UTF8.self) }
    }

    /// Takes what can be read now.
    private func drain() {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = chunk.withUnsafeMutableBytes { read(master.number, $0.baseAddress, $0.count) }
            guard got > 0 else { return }
            seen.withLock { $0.append(contentsOf: chunk[..<got]) }
        }
    }

    /// Waits until the terminal has shown a text; answers everything shown.
    @discardableResult
    package func shows(_ wanted: String, within patience: Duration = .seconds(30)) async throws -> String {
        do {
            return try await eventually("\"\(wanted)\" on the terminal", within: patience) {
                let text = text
                return text.contains(wanted) ? text : nil
            }
        } catch let error as NotInTime {
            throw NotInTime("\(error); it shows: \(text.debugDescription)", patience)
        }
    }

    /// Types.
    package func type(_ text: String) throws { try master.writeAll(Array(text.utf8), to: "a terminal") }

    /// Changes the size; the programs on it get SIGWINCH.
    package func resize(rows: Int, columns: Int) {
        _ = lex_set_window_size(master.number, UInt16(rows), UInt16(columns))
    }

    /// Waits for the program's end: its exit code, or 128 + signal.
    package func end(within patience: Duration = .seconds(30)) async throws -> Int32 {
        // Read on meanwhile: a program that waits for its terminal to take something does not end.
        try await eventually("the end of \(child.command)", within: patience) {
            drain()
            return child.hasEnded
        }
        return try await child.end()
    }

    /// Kills the program when it still runs.
    package func close() async {
        try? child.signal(SIGKILL)
        _ = try? await child.end()
    }
}
