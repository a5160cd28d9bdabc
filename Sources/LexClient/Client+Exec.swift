import FoundationEssentials
public import LexAPI
import NIOCore
import NIOPosix

extension Client {
    /// Runs a command in an instance, passes its streams through, and gives what it returned.
    ///
    /// `request.waitForWebsocket` is always set. When this returns, all output has been written.
    public func exec(_ instance: String, _ request: Instance.Exec, streams: ExecStreams) async throws -> ExecResult {
        var request = request
        request.waitForWebsocket = true
        let operation = try await start(API.instances.exec, path: ["name": instance], body: request)
        let sockets = try OperationSockets(of: operation, client: self, whose: "exec")
        return try await ExecSession(sockets, interactive: request.interactive, streams: streams).run()
    }
}

/// The websockets of one running command.
private struct ExecSession {
    /// What the session's tasks tell: it is over when the operation has ended and all output has been written.
    private enum Event {
        case outputEnded
        case ended(LexAPI.Operation)
        case other
    }

    private let client: Client
    private let operation: LexAPI.Operation
    private let interactive: Bool
    private let streams: ExecStreams
    private let control: WebSocket
    private let input: WebSocket
    /// The sockets to read and where what they say goes.
    private let outputs: [(WebSocket, ExecStreams.Sink)]

    /// Connects the websockets. The server gives five seconds for all of them.
    init(_ sockets: OperationSockets, interactive: Bool, streams: ExecStreams) async throws {
        client = sockets.client
        operation = sockets.operation
        self.interactive = interactive
        self.streams = streams
        // First the control socket: the command begins as soon as the others are there, and is to find it.
        control = try await sockets.connect("control")
        input = try await sockets.connect("0")
        if interactive {
            outputs = [(input, streams.output)]
        } else {
            outputs = [
                (try await sockets.connect("1"), streams.output), (try await sockets.connect("2"), streams.errors),
            ]
        }
    }

    func run() async throws -> ExecResult {
        // Input and both outputs may each wait for another process for as long as they like.
        let threads = NIOThreadPool(numberOfThreads: 3)
        threads.start()
        let end: LexAPI.Operation
        do {
            end = try await pump(threads)
        } catch {
            try? await threads.shutdownGracefully()
            throw error
        }
        try await threads.shutdownGracefully()
        for (socket, _) in outputs { await socket.close() }
        await input.close()
        await control.close()
        guard let code = end.metadata?["return"]?.integer else { throw OperationFailure(operation: end) }
        let succeeded = end.statusCode == StatusCode.success.rawValue
        return ExecResult(
            exitCode: Int(truncatingIfNeeded: code), failure: succeeded ? nil : OperationFailure(operation: end))
    }

    private func pump(_ threads: NIOThreadPool) async throws -> LexAPI.Operation {
        try await withThrowingTaskGroup(of: Event.self) { group in
            for (socket, sink) in outputs {
                group.addTask {
                    try await Self.read(socket, into: sink, threads)
                    // On a terminal input and output share a socket, and the server waits for the input's end.
                    if interactive { await socket.close() }
                    return .outputEnded
                }
            }
            group.addTask {
                try await feed(threads)
                return .other
            }
            group.addTask {
                for await message in streams.control {
                    // A command that has ended takes no signals; how it ended is told elsewhere.
                    guard let text = try? JSONEncoder.wire.text(message) else { continue }
                    try? await control.send(text: text)
                }
                return .other
            }
            group.addTask { .ended(try await client.finish(of: operation)) }
            defer { group.cancelAll() }
            var open = outputs.count
            var end: LexAPI.Operation?
            while open > 0 || end == nil {
                switch try await group.next() {
                case .outputEnded: open -= 1
                case .ended(let operation): end = operation
                case .other: break
                case nil: throw CancellationError()
                }
            }
            guard let end else { throw CancellationError() }
            return end
        }
    }

    /// Passes on what a socket says until the marker for the end of the stream, or its close.
    private static func read(_ socket: WebSocket, into sink: ExecStreams.Sink, _ threads: NIOThreadPool) async throws {
        while let part = try await socket.next() {
            let bytes: ByteBuffer
            switch part {
            case .bytes(let data): bytes = data
            case .text(let text):
                if text.readableBytes == 0 { return }
                bytes = text
            }
            try await sink.take(bytes, threads)
        }
    }

    /// Sends the input and then the marker for its end.
    private func feed(_ threads: NIOThreadPool) async throws {
        do {
            switch streams.input {
            case .nothing: break
            case .bytes(let bytes): try await input.send(bytes: ByteBuffer(bytes: bytes))
            case .descriptor(let descriptor):
                let reader = try DescriptorReader(descriptor, threads: threads)
                while let chunk = try await reader.next() {
                    try await input.send(bytes: chunk)
                }
            }
            if !Task.isCancelled { try await input.send(text: "") }
        } catch let error as ClientError {
            throw error
        } catch {
            // The server closes the socket when the command ends, whether or not it has read all its input.
        }
    }
}
