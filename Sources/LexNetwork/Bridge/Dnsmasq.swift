import Glibc
import LexAPI
import LexHost
import LexIPC
import Logging

/// The dnsmasq of one network: DHCP, router advertisements and DNS on its bridge.
///
/// It is nobody's child: it goes into the background by itself, so that neither the end nor the crash of lexd touches
/// it, and the next lexd finds it again by its pid file. A pid file alone proves nothing; a process is ours when its
/// program is dnsmasq and our pid file is among its arguments. The pid file is dnsmasq's own to write, and a dnsmasq
/// that was broken into could name any process there.
actor Dnsmasq {
    private let network: String
    private let directory: NetworkDirectory
    private let program: Tool
    private let logger: Logger
    private let trouble: NetworkTrouble
    private let turn = OneAtATime()
    private var wanted: [String]?
    private var current: RunningProcess?
    private var started: AsyncStream<RunningProcess>.Continuation?

    init(
        network: String, directory: NetworkDirectory, program: Tool, logger: Logger, trouble: NetworkTrouble = .untold
    ) {
        self.trouble = trouble
        self.network = network
        self.directory = directory
        self.program = program
        self.logger = logger
    }

    /// Has one run with exactly these arguments: adopts the one that does, replaces one with others, starts one.
    func run(_ arguments: [String]) async throws {
        try await turn.run {
            wanted = arguments
            if let found = try await find() {
                // A program that was replaced on disk is one with known faults, most likely.
                let isCurrent = found.program?.hasSuffix(" (deleted)") == false
                if isCurrent, found.arguments?.dropFirst() == arguments[...] {
                    if found.id != current?.id { take(found) }
                    return
                }
                logger.info("dnsmasq is replaced", metadata: ["network": "\(network)", "pid": "\(found.id)"])
                current = nil
                try await found.end(within: .seconds(3))
            }
            try await launch(arguments)
        }
    }

    /// Ends it, whoever started it.
    func stop() async throws {
        try await turn.run {
            wanted = nil
            current = nil
            try await find()?.end(within: .seconds(3))
            let path = directory.pidFile
            try await blocking { try removeFile(path) }
        }
    }

    /// Has it read the files in `hosts` again; it notices new ones by itself, but not what is gone.
    func reload() throws { try current?.signal(SIGHUP) }

    /// Starts it again whenever it ends without having been asked to; returns when its task is cancelled.
    func watch() async {
        let (processes, continuation) = AsyncStream<RunningProcess>.makeStream()
        started = continuation
        if let current { continuation.yield(current) }
        var pause = RestartPause()
        for await process in processes {
            pause.began()
            do { try await process.ended() } catch is CancellationError { return } catch {
                logger.error(
                    "cannot wait for the end of dnsmasq", metadata: ["network": "\(network)", "error": "\(error)"])
                continue
            }
            // Replaced or stopped by us.
            guard current === process else { continue }
            logger.warning("dnsmasq ended", metadata: ["network": "\(network)", "pid": "\(process.id)"])
            pause.ended()
            while !Task.isCancelled, current === process {
                do { try await pause.wait() } catch { return }
                await restart(after: process)
            }
        }
    }

    private func restart(after process: RunningProcess) async {
        do {
            try await turn.run {
                guard current === process, let wanted else { return }
                try await launch(wanted)
            }
        } catch {
            logger.error("dnsmasq cannot be started again", metadata: ["network": "\(network)", "error": "\(error)"])
            await trouble.dnsmasq(network, "It ended and cannot be started again: \(error)")
        }
    }

    private func launch(_ arguments: [String]) async throws {
        let what = "start DHCP and DNS for network \"\(network)\""
        do {
            try await program.check(arguments, doing: what)
        } catch let error as ToolError {
            // One of ours whose pid file was lost holds the bridge's address.
            let lost = try await blocking { [directory] in
                try Dnsmasq.all { $0 == directory.pidFile }
            }
            guard !lost.isEmpty else { throw Self.explained(error) }
            for process in lost { try await process.end(within: .seconds(3)) }
            try await program.check(arguments, doing: what)
        }
        // It wrote its pid file before its first process ended, which is what `check` waited for.
        guard let process = try await find() else {
            throw APIError.failed("cannot \(what): dnsmasq ended at once")
        }
        take(process)
        await trouble.dnsmasq(network, nil)
        logger.info("dnsmasq is started", metadata: ["network": "\(network)", "pid": "\(process.id)"])
    }

    private func take(_ process: RunningProcess) {
        current = process
        started?.yield(process)
    }

    private static func explained(_ error: ToolError) -> any Error {
        error.status < 0 ? APIError.failed("\(error); is the package dnsmasq-base installed?") : error
    }

    private func find() async throws -> RunningProcess? {
        let path = directory.pidFile
        return try await blocking {
            guard let text = try? readFile(path, limit: 64), let id = Int32(text.prefix { $0 != "\n" }),
                let process = try RunningProcess(id), Self.pidFile(of: process) == path
            else { return nil }
            return process
        }
    }

    /// All dnsmasq processes of lexds whose pid file `belongs`.
    static func all(where belongs: (String) -> Bool) throws -> [RunningProcess] {
        try RunningProcess.all().compactMap { id in
            guard let process = try? RunningProcess(id), let path = pidFile(of: process), belongs(path) else {
                return nil
            }
            return process
        }
    }

    private static func pidFile(of process: RunningProcess) -> String? {
        let option = "--pid-file="
        guard let program = process.program?.split(separator: "/").last,
            program == "dnsmasq" || program == "dnsmasq (deleted)",
            let argument = process.arguments?.first(where: { $0.hasPrefix(option) })
        else { return nil }
        return String(argument.dropFirst(option.count))
    }
}
