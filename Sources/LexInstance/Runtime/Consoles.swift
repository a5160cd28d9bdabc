import CLexLinux
package import LexHost
import LexIPC

/// What gives instances their consoles: a process that outlives lexd in earnest, paths in unit tests.
package protocol ConsoleHolder: Sendable {
    /// A new console for an instance, owned by this host id: the path of its terminal.
    func open(_ instance: String, owner: UInt32) async throws -> String
    /// Gives up an instance's console.
    func close(_ instance: String) async throws
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

    /// A new console for an instance, owned by this host id: the path of its terminal.
    package func open(_ instance: String, owner: UInt32) async throws -> String {
        guard case .opened(let path) = try await ask(.open(instance: instance, owner: owner)) else {
            throw MessageError("another reply than a console")
        }
        return path
    }

    /// Gives up an instance's console.
    package func close(_ instance: String) async throws { _ = try await ask(.close(instance: instance), starts: false) }

    /// Lets the holder end when it holds nothing.
    package func end() async { _ = try? await ask(.end, starts: false) }

    private func ask(_ request: ConsoleRequest, starts: Bool = true) async throws -> ConsoleReply? {
        try await turn.run { try await exchange(request, starts: starts) }
    }

    private func exchange(_ request: ConsoleRequest, starts: Bool) async throws -> ConsoleReply? {
        var number = lex_connect_unix(socketPath)
        if number < 0 {
            guard starts else { return nil }
            try await startHolder()
            number = lex_connect_unix(socketPath)
        }
        guard number >= 0 else { throw SystemError("connect to", socketPath) }
        let socket = JobSocket(OwnedDescriptor(taking: number))
        try socket.send(request)
        guard try await Readiness.shared.readable(socket.number, within: programs.patience) else {
            throw RuntimeFailure(
                call: "ask", subject: "the holder of the consoles",
                detail: "it has not answered in \(programs.patience.components.seconds) seconds. See whether it stands "
                    + "still, and end it if it does: pgrep -af 'lexd-runtime consoles'")
        }
        guard let reply = try socket.receive(ConsoleReply.self) else {
            throw RuntimeFailure(call: "ask", subject: "the holder of the consoles", detail: "it ended")
        }
        if case .failed(let failure) = reply.value { throw failure }
        return reply.value
    }

    private func startHolder() async throws {
        let helper = try await HelperProcess(
            programs.runtime, title: "consoles \(socketPath)", job: .console(ConsoleJob(socketPath: socketPath)))
        guard let reply = try await helper.reply(RuntimeReply.self) else {
            throw RuntimeFailure(call: "start", subject: "the holder of the consoles", detail: "it ended at once")
        }
        if case .failed(let failure) = reply.value { throw failure }
    }
}
