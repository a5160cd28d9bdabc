import FoundationEssentials
import LexAPI
import LexInstance
import NIOCore
import NIOFoundationCompat
import Synchronization

/// The websockets of one command: what they are, who has connected, and what passes over them.
///
/// Each connection is served by its own task (`serve`), which lives as long as the session; the command's task
/// (`run`) waits for the connections, starts the pumps of its output and tells the end. The order at the end is LXD's:
/// all output, then the ends of the streams, and only then the result.
final class ExecSession: Sendable {
    /// LXD's names of the streams.
    enum Slot: String, Sendable, CaseIterable {
        case input = "0"
        case output = "1"
        case errors = "2"
        case control
    }

    private struct State {
        var input: ExecStream?
        var terminal: ExecStream?
        var command: AttachedCommand?
    }
    private let state = Mutex(State())
    /// Who is connected.
    let sockets: SessionSockets<Slot>
    private let interactive: Bool
    private let connected = Gate()
    private let started = Gate()
    private let finished = Gate()

    init(interactive: Bool) {
        self.interactive = interactive
        sockets = SessionSockets(interactive ? [.input, .control] : Slot.allCases)
    }

    /// The streams without which the command does not start.
    private var required: Set<Slot> { interactive ? [.input, .control] : [.input, .output, .errors] }

    // MARK: a connection's own task

    /// Serves one connection until the session ends.
    func serve(_ secret: String, _ socket: WebSocket) async throws {
        guard let slot = sockets.take(secret, socket) else { return }
        if required.isSubset(of: sockets.taken) { connected.open() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.started.wait()
                try? await self.receive(slot, socket)
                await self.otherSideLeft(slot)
                // A client that has left early waits for the end like all others, so that its stream stays its own.
                await self.finished.wait()
            }
            group.addTask { await self.finished.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func receive(_ slot: Slot, _ socket: WebSocket) async throws {
        switch slot {
        case .input:
            try await socket.receive { message in
                switch message {
                case .binary(let data):
                    guard let input = state.withLock({ $0.input }) else { return true }
                    if try await !input.write(data) { endInput() }
                case .text:
                    // LXD's end of a stream. A terminal has no such end: its ^D is a byte.
                    if !interactive { endInput() }
                }
                return true
            }
        case .control:
            try await socket.receive { message in
                if case .text(let data) = message { control(data) }
                if case .binary(let data) = message { control(data) }
                return true
            }
        case .output, .errors: try await socket.receive { _ in true }
        }
    }

    private func endInput() {
        let input = state.withLock { state in
            defer { state.input = nil }
            return state.input
        }
        input?.close()
    }

    private func control(_ data: ByteBuffer) {
        guard data.readableBytes > 0, data.readableBytes <= 65536,
            let message = try? JSONCoding.decode(Instance.ExecControl.self, from: Data(data.readableBytesView))
        else { return }
        switch message.command {
        case "window-resize":
            guard let size = message.size else { return }
            state.withLock { $0.terminal }?.resize(rows: size.rows, columns: size.columns)
        case "signal":
            guard (1...64).contains(message.signal) else { return }
            state.withLock { $0.command }?.signal(Int32(message.signal))
        default: break
        }
    }

    /// Who asked has gone: a command nobody listens to is killed. For a command without a terminal the control stream
    /// tells it, or, for clients without one, the output.
    private func otherSideLeft(_ slot: Slot) async {
        if finished.isOpen { return }
        let hasControl = sockets[.control] != nil
        switch slot {
        case .control: state.withLock { $0.command }?.signal(9)
        case .output: if !hasControl { state.withLock { $0.command }?.signal(9) }
        case .input: if interactive { state.withLock { $0.command }?.signal(9) } else { endInput() }
        case .errors: break
        }
    }

    // MARK: the command's task

    /// Waits for the connections a command needs: five seconds, as LXD does.
    func waitForConnections() async throws(APIError) {
        guard await connected.wait(.seconds(5)) else {
            finish()
            throw .failed("Timed out waiting for websockets to connect")
        }
    }

    /// Runs a command on a terminal to its end; answers its exit code.
    func run(_ command: AttachedCommand, terminal: ExecStream) async throws -> Int32 {
        let writing = try terminal.duplicate()
        state.withLock { state in
            state.command = command
            state.input = writing
            state.terminal = terminal
        }
        defer { finish() }
        return try await pump(command, [(terminal, .input)])
    }

    /// Runs a command on three pipes to its end; answers its exit code.
    func run(
        _ command: AttachedCommand, input: ExecStream, output: ExecStream, errors: ExecStream
    ) async throws -> Int32 {
        state.withLock { state in
            state.command = command
            state.input = input
        }
        defer { finish() }
        return try await pump(command, [(output, .output), (errors, .errors)])
    }

    private func pump(_ command: AttachedCommand, _ streams: [(ExecStream, Slot)]) async throws -> Int32 {
        started.open()
        let ended = Gate()
        return try await withThrowingTaskGroup(of: Int32?.self) { group in
            for (stream, slot) in streams {
                guard let socket = sockets[slot] else { continue }
                group.addTask {
                    // A client that is gone takes nothing more; the command is not held up by it.
                    var isThere = true
                    try await stream.forEach(until: ended) { data in
                        guard isThere else { return }
                        do { try await socket.send(binary: data) } catch { isThere = false }
                    }
                    if isThere { try? await socket.sendEndOfStream() }
                    return nil
                }
            }
            group.addTask {
                try await self.sockets.keepAlive()
                return nil
            }
            group.addTask {
                defer { ended.open() }
                return try await command.end()
            }
            var code: Int32 = -1
            // All but the pings end by themselves.
            var left = streams.count + 1
            while left > 0, let result = try await group.next() {
                if let result { code = result }
                left -= 1
            }
            group.cancelAll()
            await sockets.sendClose()
            return code
        }
    }

    /// The end for everyone who is connected; also when there never was a command.
    func finish() {
        state.withLock { state in
            state.command = nil
            state.input = nil
            state.terminal = nil
        }
        started.open()
        finished.open()
    }
}
