import CLexLinux
import Glibc
import LexIPC
import Subprocess
import SystemPackage

/// A program of the host that lexd runs: `nft`, `dnsmasq`, `mmdebstrap`.
///
/// Arguments are passed as they are; there is never a shell between.
package struct Tool: Sendable {
    /// The program, by its path or by its name on lexd's PATH.
    package let program: String
    /// Environment variables beside `PATH`; nothing else is inherited.
    package let environment: [String: String]

    package init(_ program: String, environment: [String: String] = [:]) {
        self.program = program
        self.environment = environment
    }

    /// What a run gave.
    package struct Output: Sendable {
        /// The exit code, or 128 + signal.
        package let status: Int32
        /// Standard output, at most 16 MiB.
        package let text: String
        /// Standard error, at most 1 MiB.
        package let errors: String
    }

    /// Runs it to its end with `input` on its standard input. Throws when it cannot be started; what it says of its
    /// own failure is in the output.
    package func run(_ arguments: [String], input: String = "") async throws -> Output {
        // The input is a file in memory, not a pipe: a tool that ends before it has read a pipe would take lexd with
        // it, by SIGPIPE or by swift-subprocess 1.0.2, which traps on its descriptor when the write fails.
        let file = try Self.file(holding: input)
        defer { withExtendedLifetime(file) {} }
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments), environment: subprocessEnvironment, platformOptions: options,
            input: .fileDescriptor(FileDescriptor(rawValue: file.number), closeAfterSpawningProcess: false),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        return Output(
            status: Self.status(result.terminationStatus), text: result.standardOutput, errors: result.standardError)
    }

    /// Runs it and throws ``ToolError`` unless it ends with 0.
    @discardableResult
    package func check(_ arguments: [String], input: String = "", doing what: String) async throws -> String {
        let output: Output
        do {
            output = try await run(arguments, input: input)
        } catch {
            throw ToolError(what: what, program: program, status: -1, errors: "\(error)")
        }
        guard output.status == 0 else {
            throw ToolError(what: what, program: program, status: output.status, errors: output.errors)
        }
        return output.text
    }

    private static func file(holding text: String) throws(SystemError) -> OwnedDescriptor {
        let file = OwnedDescriptor(taking: try checked("make", "a file in memory") { lex_memfd("input") })
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            written += try checked("write to", "a file in memory") {
                bytes[written...].withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
            }
        }
        try checked("rewind", "a file in memory") { lseek(file.number, 0, SEEK_SET) }
        return file
    }

    var executable: Executable { program.contains("/") ? .path(FilePath(program)) : .name(program) }

    static func status(_ status: TerminationStatus) -> Int32 {
        switch status {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }

    var subprocessEnvironment: Environment {
        var variables: [Environment.Key: String] = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
        ]
        for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
        return .custom(variables)
    }

    private var options: PlatformOptions {
        var options = PlatformOptions()
        // A terminal's Ctrl-C for a lexd in the foreground is not meant for its tools.
        options.createSession = true
        return options
    }
}

/// A tool that could not be started or ended with an error.
package struct ToolError: Error, Sendable, CustomStringConvertible {
    /// What was attempted, in words that follow "cannot".
    package let what: String
    /// The program.
    package let program: String
    /// Its exit code; -1 when it could not be started.
    package let status: Int32
    /// What it wrote to standard error.
    package let errors: String

    package init(what: String, program: String, status: Int32, errors: String) {
        self.what = what
        self.program = program
        self.status = status
        self.errors = errors
    }

    package var description: String {
        let said = errors.split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
        let ended = status < 0 ? "could not be started" : "ended with \(status)"
        return "cannot \(what): \(program) \(ended)\(said.isEmpty ? "" : ": \(said)")"
    }
}
