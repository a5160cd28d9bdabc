import FoundationEssentials
import LexAPI
import NIOCore
import NIOFoundationCompat
import Synchronization

/// The two websockets of one who sits at an instance's console: what is said and typed, and its size.
///
/// It lasts until the console ends, which is at the latest when the instance does, or until either websocket closes.
final class ConsoleSession: Sendable {
    /// LXD's names of the streams.
    enum Slot: String, Sendable, CaseIterable {
        case terminal = "0"
        case control
    }

    /// A size that was asked for.
    struct Size: Sendable {
        let columns: Int
        let rows: Int
    }

    private let input = Mutex<ExecStream?>(nil)
    /// Who is connected.
    let sockets = SessionSockets(Slot.allCases)
    private let resize: @Sendable (Size) async -> Void
    private let connected = Gate()
    private let started = Gate()
    /// Opened when whoever sits there has gone.
    private let left = Gate()
    private let finished = Gate()

    /// - Parameter resize: Sets the size of the console.
    init(resize: @escaping @Sendable (Size) async -> Void) {
        self.resize = resize
    }

    // MARK: a connection's own task

    /// Serves one connection until the session ends.
    func serve(_ secret: String, _ socket: WebSocket) async throws {
        guard let slot = sockets.take(secret, socket) else { return }
        if slot == .terminal { connected.open() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.started.wait()
                try? await self.receive(slot, socket)
                self.left.open()
                await self.finished.wait()
            }
            group.addTask { await self.finished.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func receive(_ slot: Slot, _ socket: WebSocket) async throws {
        try await socket.receive { message in
            switch (slot, message) {
            case (.terminal, .binary(let data)):
                guard let input = input.withLock({ $0 }) else { return false }
                return try await input.write(data)
            // LXD's end of a stream; a terminal has none.
            case (.terminal, .text): return true
            case (.control, .binary(let data)), (.control, .text(let data)):
                await control(data)
                return true
            }
        }
    }

    private func control(_ data: ByteBuffer) async {
        guard data.readableBytes > 0, data.readableBytes <= 65536,
            let message = try? JSONCoding.decode(Instance.ExecControl.self, from: Data(data.readableBytesView)),
            message.command == "window-resize", let size = message.size
        else { return }
        await resize(Size(columns: size.columns, rows: size.rows))
    }

    // MARK: the console's task

    /// Waits until somebody has come, for as long as the instance runs: LXD sets no limit either.
    func waitForConnection(orEnd ended: Gate) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.connected.wait() }
            group.addTask { await ended.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Passes on what is said and typed until either side has ended.
    func run(_ console: ExecStream) async throws {
        let writing = try console.duplicate()
        input.withLock { $0 = writing }
        defer { finish() }
        guard let socket = sockets[.terminal] else { return }
        started.open()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // A console that is gone, a client that is gone: both are the end.
                try? await console.forEach(until: self.finished) { try await socket.send(binary: $0) }
            }
            group.addTask { await self.left.wait() }
            group.addTask { try? await self.sockets.keepAlive() }
            await group.next()
            group.cancelAll()
        }
        // The same as LXD's last word: what comes next on the terminal begins in a line of its own.
        try? await socket.send(binary: ByteBuffer(string: "\n\r"))
        await sockets.sendClose()
    }

    /// The end for everyone who is connected; also when there never was a console.
    func finish() {
        input.withLock { $0 = nil }
        started.open()
        finished.open()
    }
}
