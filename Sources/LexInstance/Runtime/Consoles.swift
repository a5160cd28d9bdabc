import CLexLinux
import Glibc
package import LexHost
import LexIPC

/// What gives instances their consoles: a process that outlives lexd in earnest, paths in unit tests.
package protocol ConsoleHolder: Sendable {
    /// A new console for an instance, owned by this host id: the path of its terminal.
    func open(_ instance: String, owner: UInt32) async throws -> String
    /// Gives up an instance's console.
    func close(_ instance: String) async throws
    /// What an instance has said on its console lately: at most 128 KiB, nothing when it has none.
    func log(_ instance: String) async throws -> [UInt8]
    /// Forgets what it has said so far.
    func clear(_ instance: String) async throws
    /// A socket that says what the instance says on its console from now on and takes what is typed; it ends with the
    /// console. Any number may watch, and all may type; `alone` ends the others. The receiver closes it.
    func attach(_ instance: String, alone: Bool) async throws -> Int32
    /// Sets the size of a console; of several who watch the last one decides.
    func resize(_ instance: String, columns: UInt32, rows: UInt32) async throws
    /// Lets the holder end when it holds nothing.
    func end() async
}

/// The consoles of all instances, held by a process that outlives lexd.
package actor Consoles: ConsoleHolder {
    private let programs: HelperPrograms
    private let socketPath: String
    /// The holder talks with one at a time: who comes next waits here.
    private let turn = OneAtATime()

    /// - Parameter socketPath: Where the holder listens; the same for every run of this daemon.
    package init(programs: HelperPrograms, socketPath: String) {
        self.programs = programs
        self.socketPath = socketPath
    }

    package func open(_ instance: String, owner: UInt32) async throws -> String {
        guard case .opened(let path)? = try await ask(.open(instance: instance, owner: owner))?.reply else {
            throw MessageError("another reply than a console")
        }
        return path
    }

    package func close(_ instance: String) async throws { _ = try await ask(.close(instance: instance), starts: false) }

    package func log(_ instance: String) async throws -> [UInt8] {
        guard case .log(let bytes)? = try await ask(.log(instance: instance), starts: false)?.reply else { return [] }
        return bytes
    }

    package func clear(_ instance: String) async throws { _ = try await ask(.clear(instance: instance), starts: false) }

    package func attach(_ instance: String, alone: Bool) async throws -> Int32 {
        let answer = try await ask(.attach(instance: instance, alone: alone), starts: false)
        guard let socket = answer?.socket, socket >= 0 else {
            throw RuntimeFailure(
                call: "attach to", subject: "the console of \(instance)",
                detail: "nobody holds it any more. The instance gets a new one at its next start")
        }
        return socket
    }

    package func resize(_ instance: String, columns: UInt32, rows: UInt32) async throws {
        _ = try await ask(.resize(instance: instance, columns: columns, rows: rows), starts: false)
    }

    /// Lets the holder end when it holds nothing.
    package func end() async { _ = try? await ask(.end, starts: false) }

    /// What the holder says, and the socket that came with it; -1 for none.
    private struct Answer {
        let reply: ConsoleReply
        let socket: Int32
    }

    private func ask(_ request: ConsoleRequest, starts: Bool = true) async throws -> Answer? {
        try await turn.run { try await exchange(request, starts: starts) }
    }

    private func exchange(_ request: ConsoleRequest, starts: Bool, mayReplace: Bool = true) async throws -> Answer? {
        var number = lex_connect_unix(socketPath)
        if number < 0 {
            guard starts else { return nil }
            try await startHolder()
            number = lex_connect_unix(socketPath)
        }
        guard number >= 0 else { throw SystemError("connect to", socketPath) }
        let socket = JobSocket(OwnedDescriptor(taking: number))
        try socket.send(request)
        guard try await Readiness.shared.readable(socket.number, within: min(programs.patience, Self.patience)) else {
            // Whoever waits for an answer holds an instance's lock, and guests stand still behind a full console: a
            // new holder is worth that the consoles hang up.
            guard mayReplace, try await endHolder(behind: socket) else {
                throw RuntimeFailure(
                    call: "ask", subject: "the holder of the consoles",
                    detail: "it does not answer. See whether it stands still, and end it if it does: "
                        + "pgrep -af 'lexd-runtime consoles'")
            }
            return try await starts ? exchange(request, starts: true, mayReplace: false) : nil
        }
        guard var reply = try socket.receive(ConsoleReply.self) else {
            throw RuntimeFailure(call: "ask", subject: "the holder of the consoles", detail: "it ended")
        }
        if case .failed(let failure) = reply.value { throw failure }
        return Answer(reply: reply.value, socket: reply.takeDescriptor()?.release() ?? -1)
    }

    /// How long the holder, which never waits for anything, may take for an answer.
    private static let patience = Duration.seconds(20)

    private var title: String { "consoles \(socketPath)" }

    /// Kills a holder that stands still; answers whether there is none any more.
    private func endHolder(behind socket: borrowing JobSocket) async throws -> Bool {
        var id: pid_t = 0
        var user: uid_t = 0
        var group: gid_t = 0
        try checked("ask for the process behind", socketPath) {
            lex_peer_credentials(socket.number, &id, &user, &group)
        }
        // The number is that of who listened: it may be another's by now.
        guard let process = try RunningProcess(id) else { return true }
        guard process.arguments?.contains(title) == true else { return process.hasEnded }
        try await process.end(within: .zero, asking: nil)
        return true
    }

    private func startHolder() async throws {
        let helper = try await HelperProcess(
            programs.runtime, title: title, job: .console(ConsoleJob(socketPath: socketPath)))
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            throw RuntimeFailure(call: "start", subject: "the holder of the consoles", detail: "it ended at once")
        }
        if case .failed(let failure) = reply.value { throw failure }
    }
}
