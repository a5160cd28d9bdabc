import FoundationEssentials
public import LexAPI
import NIOCore
import NIOPosix

/// Something that happens to a console from outside while somebody sits at it.
public enum ConsoleEvent: Sendable {
    /// The terminal has a new size.
    case resize(width: Int, height: Int)
    /// Whoever sits there is to leave.
    case leave
}

extension Client {
    /// Sits at the console of an instance until the console ends or whoever sits there leaves: by Ctrl-a q, by the end
    /// of the input, or by an event.
    ///
    /// - Parameters:
    ///   - input: An open descriptor that is typed on; nil only watches.
    ///   - output: Where goes what the instance says.
    ///   - events: Sizes of the terminal, and the wish to leave.
    public func console(
        _ instance: String, _ request: Instance.Console, input: Int32?, output: ExecStreams.Sink,
        events: AsyncStream<ConsoleEvent> = AsyncStream { _ in }
    ) async throws {
        let operation = try await start(API.instances.console, path: ["name": instance], body: request)
        let sockets = try OperationSockets(of: operation, client: self, whose: "console")
        let control = try await sockets.connect("control")
        let line = ConsoleLine(control: control, terminal: try await sockets.connect("0"))
        let hasLeft = try await line.run(input: input, output: output, events: events)
        await line.close()
        // Why it ended is the operation's to tell.
        if !hasLeft { _ = try await wait(for: sockets.operation) }
    }
}

/// The two websockets of a console.
private struct ConsoleLine: Sendable {
    let control: WebSocket
    let terminal: WebSocket

    /// Answers whether it ended because whoever sits there left.
    func run(input: Int32?, output: ExecStreams.Sink, events: AsyncStream<ConsoleEvent>) async throws -> Bool {
        // Input and output may each wait for another process for as long as they like.
        let threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        let outcome: Result<Bool, any Error>
        do {
            outcome = .success(
                try await withThrowingTaskGroup(of: Bool?.self) { group in
                    group.addTask { try await watch(output, threads) }
                    if let input { group.addTask { try await type(input, threads) } }
                    group.addTask { try await follow(events) }
                    defer { group.cancelAll() }
                    while let hasLeft = try await group.next() {
                        if let hasLeft { return hasLeft }
                    }
                    return false
                })
        } catch {
            outcome = .failure(error)
        }
        try? await threads.shutdownGracefully()
        return try outcome.get()
    }

    func close() async {
        await control.close()
        await terminal.close()
    }

    private func watch(_ output: ExecStreams.Sink, _ threads: NIOThreadPool) async throws -> Bool? {
        while let part = try await terminal.next() {
            guard case .bytes(let bytes) = part else { continue }
            try await output.take(bytes, threads)
        }
        return Task.isCancelled ? nil : false
    }

    private func type(_ input: Int32, _ threads: NIOThreadPool) async throws -> Bool? {
        var keys = ConsoleKeys()
        let reader = try DescriptorReader(input, threads: threads)
        while let chunk = try await reader.next() {
            let (bytes, leaves) = keys.take(chunk.readableBytesView)
            // The server closes the socket when the console ends; that is told by what it said last.
            if !bytes.isEmpty { do { try await terminal.send(bytes: ByteBuffer(bytes: bytes)) } catch { return nil } }
            if leaves { return true }
        }
        return Task.isCancelled ? nil : true
    }

    private func follow(_ events: AsyncStream<ConsoleEvent>) async throws -> Bool? {
        for await event in events {
            guard case .resize(let width, let height) = event else { return true }
            let message = Instance.ExecControl.resize(width: width, height: height)
            guard let text = try? JSONEncoder.wire.text(message) else { continue }
            try? await control.send(text: text)
        }
        return nil
    }
}
