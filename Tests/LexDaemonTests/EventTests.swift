import LexAPI
import LexTestKit
import Testing

@testable import LexDaemon

@Suite(.timeLimit(.minutes(2))) struct EventTests {
    private func served(_ body: (_ path: String, _ events: Events) async throws -> Void) async throws {
        let events = Events()
        var router = Router()
        EventRoutes(events: events).mount(on: &router)
        try await withServer(router) { path in try await body(path, events) }
    }

    @Test func aListenerHearsWhatItAskedFor() async throws {
        try await served { path, events in
            let client = try RawClient(path)
            #expect(try await client.upgrade("/1.0/events?type=logging").status == 101)
            try await eventually("it is heard") { events.isHeard("logging") }
            #expect(!events.isHeard("lifecycle"))
            events.lifecycle("not-for-it", source: "/1.0", requestor: nil)
            events.logging(Event.Logging(message: "for it", level: "info", context: [:]))
            let frame = try await client.readFrame()
            #expect(frame.opcode == 1)
            #expect(String(decoding: frame.payload, as: UTF8.self).contains("for it"))
        }
    }

    /// One that does not read what it asked for is cut off once it is too far behind, and costs nothing then.
    @Test func aListenerThatDoesNotReadIsCutOff() async throws {
        try await served { path, events in
            let client = try RawClient(path)
            #expect(try await client.upgrade("/1.0/events?type=logging").status == 101)
            try await eventually("it is heard") { events.isHeard("logging") }
            let line = Event.Logging(message: String(repeating: "x", count: 1000), level: "info", context: [:])
            var sent = 0
            while events.isHeard("logging") {
                events.logging(line)
                sent += 1
                try #require(sent < 50_000)
            }
            #expect(sent > 4096)
            // What the kernel had taken, and then the end: none of the thousands that waited.
            let bytes = (try? await client.readToEnd()) ?? []
            #expect(bytes.count < 2 << 20, "\(bytes.count) bytes")
        }
    }
}
