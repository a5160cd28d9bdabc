import LexAPI
import LexClient
import NIOCore
import NIOWebSocket
import Synchronization
import Testing

@Suite struct ExecTests {
    typealias Script = @Sendable (FakeServer.Peer) async throws -> Void
    private static let end: Script = { try await $0.send(.text, "") }

    /// A server whose command is what the test plays on the websockets `0`, `1`, `2` and `control`.
    private func exec(
        interactive: Bool = false, input: ExecStreams.Source = .nothing,
        control: AsyncStream<Instance.ExecControl> = AsyncStream { $0.finish() }, status: StatusCode = .success,
        code: Int? = 0, early: [UInt8] = [], sockets: [String: Script]
    ) async throws -> (result: ExecResult, output: String, errors: String) {
        let names = interactive ? ["0", "control"] : ["0", "1", "2", "control"]
        let secrets = names.map { #""\#($0)":"secret-\#($0)""# }.joined(separator: ",")
        let begun = Wire.envelope(
            Wire.operation(.running, metadata: "{\"fds\":{\(secrets)}}"), type: "async",
            operation: "/1.0/operations/u-1")
        let ended = Wire.envelope(
            Wire.operation(
                status, err: status == .success ? "" : "Command not found",
                metadata: code.map { "{\"return\":\($0)}" } ?? "null"))
        let open = Mutex(names.count)
        let output = Mutex<[UInt8]>([])
        let errors = Mutex<[UInt8]>([])
        let result = try await FakeServer.running({ request in
            if request.path.contains("/exec") { return .json(begun, status: 202) }
            if request.path.contains("/wait") {
                // The operation ends when the streams have.
                while open.withLock({ $0 }) > 0 { try? await Task.sleep(for: .milliseconds(5)) }
                return .json(ended)
            }
            let name = request.path.split(separator: "secret-").last.map(String.init) ?? ""
            return .webSocket(early: early) { peer in
                try? await sockets[name]?(peer)
                open.withLock { $0 -= 1 }
            }
        }) { server in
            let result = try await withClient(server) { client in
                try await client.exec(
                    "web", .init(command: ["x"], interactive: interactive),
                    streams: ExecStreams(
                        input: input, output: .function { bytes in output.withLock { $0 += bytes } },
                        errors: .function { bytes in errors.withLock { $0 += bytes } }, control: control))
            }
            #expect(server.requests.first?.text.contains(#""wait-for-websocket":true"#) == true)
            return result
        }
        return (
            result, output.withLock { String(decoding: $0, as: UTF8.self) },
            errors.withLock { String(decoding: $0, as: UTF8.self) }
        )
    }

    @Test func threeStreamsAndTheExitCode() async throws {
        let (result, output, errors) = try await exec(
            input: .bytes(Array("in".utf8)), code: 42,
            sockets: [
                "0": { peer in #expect(await peer.stream() == Array("in".utf8)) },
                "1": { peer in
                    try await peer.send(.binary, "out1 ")
                    try await peer.send(.binary, "out2")
                    try await peer.send(.text, "")
                },
                "2": { peer in
                    try await peer.send(.binary, "err")
                    try await peer.send(.text, "")
                    await peer.close()
                },
            ])
        #expect(result.exitCode == 42)
        #expect(output == "out1 out2")
        #expect(errors == "err")
    }

    @Test func fragmentsPingsAndClosesAreTaken() async throws {
        let (_, output, _) = try await exec(sockets: [
            "1": { peer in
                try await peer.send(.binary, "a", final: false)
                try await peer.send(.ping, "are you there")
                try await peer.send(.continuation, "b", final: false)
                try await peer.send(.continuation, "c")
                for await frame in peer.frames where frame.opcode == .pong {
                    #expect(String(buffer: frame.unmaskedData) == "are you there")
                    break
                }
                // The marker may come in pieces as well.
                try await peer.send(.text, "", final: false)
                try await peer.send(.continuation, "")
            },
            "2": { peer in try await peer.send(.connectionClose, [3, 232]) },
        ])
        #expect(output == "abc")
    }

    @Test func framesInTheSamePacketAsTheAgreementAreNotLost() async throws {
        // A ping, which is answered at once, and a binary message.
        let early: [UInt8] = [0x89, 0x01, 0x70, 0x82, 0x05] + Array("early".utf8)
        let (_, output, errors) = try await exec(early: early, sockets: ["1": Self.end, "2": Self.end])
        #expect(output == "early")
        #expect(errors == "early")
    }

    @Test func whatCameBeforeTheCloseIsNotLost() async throws {
        let early: [UInt8] = [0x82, 0x05] + Array("early".utf8)
        let close: Script = { await $0.close() }
        let (_, output, errors) = try await exec(early: early, sockets: ["1": close, "2": close])
        #expect(output == "early")
        #expect(errors == "early")
    }

    @Test func largeMessagesPassBothWays() async throws {
        let large = Array(repeating: UInt8(7), count: 3 << 20)
        let (_, output, _) = try await exec(
            input: .bytes(large),
            sockets: [
                "0": { peer in #expect(await peer.stream().count == large.count) },
                "1": { peer in
                    try await peer.send(.binary, large)
                    try await peer.send(.text, "")
                },
                "2": Self.end,
            ])
        #expect(output.utf8.count == large.count)
    }

    @Test func aTerminalHasOneStreamAndControl() async throws {
        let (control, sender) = AsyncStream.makeStream(of: Instance.ExecControl.self)
        sender.yield(.resize(width: 132, height: 50))
        sender.yield(.signal(15))
        let (messages, said) = AsyncStream.makeStream(of: String.self)
        let (result, output, _) = try await exec(
            interactive: true, control: control, code: 143,
            sockets: [
                "control": { peer in
                    var count = 0
                    for await frame in peer.frames {
                        said.yield(String(buffer: frame.unmaskedData))
                        count += 1
                        if count == 2 { break }
                    }
                    said.finish()
                },
                "0": { peer in
                    try await peer.send(.binary, "$ ")
                    try await peer.send(.text, "")
                    // The server goes on when the client has closed the terminal's socket.
                    for await _ in peer.frames {}
                },
            ])
        #expect(result.exitCode == 143)
        #expect(output == "$ ")
        #expect(
            await messages.reduce(into: []) { $0.append($1) } == [
                #"{"args":{"height":"50","width":"132"},"command":"window-resize","signal":0}"#,
                #"{"args":{},"command":"signal","signal":15}"#,
            ])
    }

    @Test func anUnknownCommandHasAnExitCodeAndAReason() async throws {
        let (result, _, _) = try await exec(
            status: .failure, code: 127, sockets: ["1": Self.end, "2": Self.end])
        #expect(result.exitCode == 127)
        #expect(result.failure?.description == "Command not found")
    }

    @Test func aFailureWithoutExitCodeIsThrown() async throws {
        let close: Script = { await $0.close() }
        await #expect(throws: OperationFailure.self) {
            _ = try await exec(status: .failure, code: nil, sockets: ["1": close, "2": close])
        }
    }

    @Test func aDescriptorIsReadToItsEnd() async throws {
        let file = try TemporaryFile(Array("from a file".utf8))
        _ = try await exec(
            input: .descriptor(file.descriptor),
            sockets: [
                "0": { peer in #expect(await peer.stream() == Array("from a file".utf8)) }, "1": Self.end,
                "2": Self.end,
            ])
    }
}
