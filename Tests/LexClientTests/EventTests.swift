import LexAPI
import LexClient
import NIOWebSocket
import Testing

@Suite struct EventTests {
    @Test func eventsComeInOrderUntilTheServerCloses() async throws {
        try await FakeServer.running({ _ in
            .webSocket(early: []) { peer in
                try await peer.send(.text, #"{"type":"lifecycle","metadata":{"action":"a"}}"#)
                try await peer.send(.text, #"{"type":"lifecycle","#, final: false)
                try await peer.send(.ping, "")
                try await peer.send(.continuation, #""metadata":{"action":"b"}}"#)
                // One who is gone before the answer to the ping makes the client lose what it has not read yet.
                for await frame in peer.frames where frame.opcode == .pong { break }
                await peer.close()
            }
        }) { server in
            try await withClient(server) { client in
                var actions: [String] = []
                for try await event in try await client.events(types: ["lifecycle", "operation"]) {
                    actions.append(event["metadata"]?["action"]?.text ?? "")
                }
                #expect(actions == ["a", "b"])
            }
            #expect(server.requests.first?.path == "/1.0/events?type=lifecycle%2Coperation")
        }
    }

    @Test func aRefusedWebsocketGivesTheServersReason() async throws {
        let body = #"{"error":"Invalid event type","error_code":400,"type":"error"}"#
        try await FakeServer.running({ _ in .json(body, status: 400) }) { server in
            try await withClient(server) { client in
                await #expect(throws: APIError(status: 400, "Invalid event type")) {
                    _ = try await client.events(types: ["nonsense"])
                }
            }
        }
    }

    @Test func aMissingSocketIsSaid() async throws {
        let client = Client(.unix(path: "/nonexistent/unix.socket"))
        await #expect(throws: ClientError.self) { _ = try await client.events() }
        try await client.close()
    }
}
