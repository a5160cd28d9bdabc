import FoundationEssentials
import Glibc
import LexAPI
package import LexClient
import LexHost
import LexIPC
import LexNetwork
import Synchronization

/// A lexd of a test's own: the real program with a directory, a network and a socket of its own, and the clients that
/// talk to it.
///
/// Use ``withDaemon(_:_:)``, which takes everything away again and fails when something is left on the host.
package final class DaemonFixture: Sendable {
    /// What a fixture can be told.
    package struct Options: Sendable {
        /// Makes no pool, network or profile at the first start.
        package var isBare = false
        /// Environment variables for the daemon beside its own.
        package var environment: [String: String] = [:]
        /// Gives the daemon's directory a file system of its own, with so many MiB.
        package var diskSize: Int?
        /// Imports the busybox image as `busybox`.
        package var hasImage = true

        package init() {}

        /// A daemon with the usual things.
        package static var standard: Options { Options() }
        /// A daemon with nothing.
        package static var bare: Options {
            var options = Options()
            options.isBare = true
            options.hasImage = false
            return options
        }
        /// A daemon with pool and network, but no image.
        package static var withoutImage: Options {
            var options = Options()
            options.hasImage = false
            return options
        }
    }

    /// Everything of this fixture lies below.
    package let work: String
    /// LEXD_DIR.
    package let directory: String
    /// What the daemon's links, control groups and tables carry.
    package let tag: String
    /// A client, connected when it is first used.
    package let client: Client
    let options: Options
    let before: HostSnapshot
    let process = Mutex<ChildProcess?>(nil)

    private init(_ options: Options) async throws {
        self.options = options
        let random = String(UInt32.random(in: .min ... .max), radix: 36)
        work = "/tmp/lexd-test-\(random)"
        directory = "\(work)/d"
        tag = NetworkIdentity(directory: directory).tag
        client = Client(.unix(path: "\(directory)/unix.socket"))
        before = try await HostSnapshot.take(tag: tag, directory: work)
        // dnsmasq, which is not root, must be able to pass.
        try makeDirectories(work, mode: 0o711)
        // Without a file of its own the stock client greets a newcomer.
        try makeDirectories("\(work)/home/.config/lxc")
        try replaceFile("\(work)/home/.config/lxc/config.yml", "default-remote: local\n".utf8)
    }

    /// Runs a test's body with a new daemon, and takes everything away again, last made first, also when the body
    /// fails. Throws when the body does, when the daemon does not end well, or when something is left on the host.
    package static func with<Result: Sendable>(
        _ options: Options, _ body: (DaemonFixture) async throws -> Result
    ) async throws -> Result {
        let fixture = try await DaemonFixture(options)
        var outcome: Swift.Result<Result, any Error>
        do {
            if let size = options.diskSize { try await fixture.mountDisk(size) }
            try await fixture.start()
            if options.hasImage { try await fixture.importBusybox() }
            outcome = .success(try await body(fixture))
        } catch {
            outcome = .failure(error)
        }
        let problems = await fixture.end()
        switch outcome {
        case .success(let result):
            guard problems.isEmpty else { throw FixtureError(problems, log: fixture.logTail) }
            unlink(fixture.logFile)
            return result
        case .failure(let error):
            throw FixtureError(["\(error)"] + problems, log: fixture.logTail, cause: error)
        }
    }

    // MARK: the daemon

    /// The file with the daemon's log.
    package var logFile: String { "\(work).log" }
    /// The whole log.
    package var log: String { (try? readFile(logFile, limit: 256 << 20)) ?? "" }
    var logTail: String { log.split(separator: "\n").suffix(40).joined(separator: "\n") }

    /// Where the programs under test lie: beside the program of the tests, or in `LEXD_TEST_PROGRAMS`.
    package static let programs: String = {
        if let directory = getenv("LEXD_TEST_PROGRAMS") { return String(cString: directory) }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }()

    /// `lexd` with this fixture's environment.
    package var lexd: Program {
        Program("\(Self.programs)/lexd", environment: ["LEXD_DIR": directory].merging(options.environment) { $1 })
    }
    /// `lx`, talking to this daemon.
    package var lx: Program {
        Program("\(Self.programs)/lx", environment: ["LEXD_DIR": directory, "HOME": "\(work)/home"])
    }
    /// The stock client, talking to this daemon.
    package var lxc: Program { Program("lxc", environment: ["LXD_DIR": directory, "HOME": "\(work)/home"]) }

    /// The daemon's process; nil while it does not run.
    package var daemonProcess: ChildProcess? { process.withLock { $0 } }

    /// Starts the daemon and waits until it is ready.
    package func start() async throws {
        try begin()
        try await lexd("waitready", "--timeout", "60")
        // The one that answers must be the one that was started.
        guard daemonProcess?.hasEnded == false else { throw FixtureError(["lexd ended at its start"], log: logTail) }
    }

    /// Starts the daemon without waiting for it.
    package func begin() throws {
        let arguments = ["--debug"] + (options.isBare ? ["--bare"] : [])
        let child = try ChildProcess(lexd.path, arguments, environment: lexd.environment, log: logFile)
        process.withLock { $0 = child }
    }

    /// Ends the daemon by SIGTERM; answers its exit code.
    @discardableResult
    package func stop() async throws -> Int32 {
        guard let child = daemonProcess else { return 0 }
        try child.signal(SIGTERM)
        let status = try await child.end(within: .seconds(60))
        process.withLock { $0 = nil }
        return status
    }

    /// Ends the daemon by SIGKILL.
    package func kill() async throws {
        guard let child = daemonProcess else { return }
        try child.signal(SIGKILL)
        try await child.end()
        process.withLock { $0 = nil }
    }

    /// Notes that the daemon has ended by itself, as it does after `lexd shutdown`; answers its exit code.
    package func awaitEnd() async throws -> Int32 {
        guard let child = daemonProcess else { return 0 }
        let status = try await child.end()
        process.withLock { $0 = nil }
        return status
    }
}

/// Why a fixture failed: what the test's body threw, what could not be cleaned up, what was left on the host.
package struct FixtureError: Error, CustomStringConvertible {
    /// The problems, in order.
    package let problems: [String]
    /// What the body threw.
    package let cause: (any Error)?
    private let log: String

    init(_ problems: [String], log: String, cause: (any Error)? = nil) {
        self.problems = problems
        self.log = log
        self.cause = cause
    }
    package var description: String {
        problems.joined(separator: "\n") + "\nThe daemon's log ends with:\n" + log
    }
}

/// Runs a test's body with a new daemon; see ``DaemonFixture/with(_:_:)``.
@discardableResult
package func withDaemon<Result: Sendable>(
    _ options: DaemonFixture.Options = .standard, _ body: (DaemonFixture) async throws -> Result
) async throws -> Result {
    try await DaemonFixture.with(options, body)
}

/// The two clients a person may use.
package enum ClientProgram: String, Sendable, CaseIterable {
    /// Ours.
    case lx
    /// LXD's own, as Debian packages it.
    case lxc

}

extension DaemonFixture {
    /// One of the clients, talking to this daemon.
    package func program(_ client: ClientProgram) -> Program {
        switch client {
        case .lx: lx
        case .lxc: lxc
        }
    }
}
