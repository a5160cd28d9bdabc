import LexAPI
import Testing

@testable import LexDaemon

/// What a guest may cost, and what it is told.
struct GuestTests {
    @Test func whoAsksTooMuchWaits() {
        var pace = GuestServer.Pace()
        let now = ContinuousClock.now + .seconds(10)
        let waits = (0..<1000).map { _ in pace.take(now) }
        #expect(waits.prefix(400).allSatisfy { $0 == .zero })
        #expect(waits[999] == .seconds(3))
        // Whoever rests may ask again, but saves up no more than that.
        let later = now + .seconds(3600)
        let more = (0..<1000).map { _ in pace.take(later) }
        #expect(more.count { $0 == .zero } == 400)
    }

    /// Who may not ask keeps nobody from it who may.
    @Test func strangersHaveFewConnectionsOfTheirOwn() {
        let listener = GuestServer.Listener(key: "default/a", owner: 1_000_000)
        #expect((0..<64).count { _ in listener.connect(1_001_000) } == 4)
        #expect((0..<64).count { listener.connect(UInt32(1_002_000 + $0)) } == 28)
        #expect((0..<64).count { _ in listener.connect(1_000_000) } == 32)
        listener.disconnect(1_001_000)
        #expect(listener.connect(1_001_000) && !listener.connect(1_001_000))
        listener.disconnect(1_000_000)
        #expect(listener.connect(1_000_000) && !listener.connect(1_000_000))
    }

    @Test func eventsAreForTheInstanceAlone() async {
        let events = GuestEvents()
        let stream = events.listen("default/a", types: ["config"])
        let other = events.listen("default/b", types: GuestEvents.types)
        #expect(events.isHeard("default/a") && !events.isHeard("default/c"))
        let old = Expansion([], config: ["user.x": "1", "limits.memory": "1GiB"], devices: [:])
        let new = Expansion(
            [], config: ["user.x": "2", "limits.memory": "2GiB", "cloud-init.user-data": "y"],
            devices: ["eth1": ["type": "nic"]])
        events.tell("default/a", from: old, to: new)
        events.finish("default/a")
        events.finish("default/b")
        var heard: [String] = []
        for await event in stream { heard.append(String(decoding: event, as: UTF8.self)) }
        #expect(heard.count == 2)
        #expect(heard.first?.contains(#""metadata":{"key":"cloud-init.user-data","old_value":"","value":"y"}"#) == true)
        #expect(heard.last?.contains(#""metadata":{"key":"user.x","old_value":"1","value":"2"}"#) == true)
        for await _ in other { Issue.record("another instance was told") }
    }

    @Test func aListenerThatIsBehindIsCutOff() async {
        let events = GuestEvents()
        let stream = events.listen("default/a", types: GuestEvents.types)
        for turn in 0..<1000 {
            events.tell(
                "default/a", from: Expansion([], config: [:], devices: [:]),
                to: Expansion([], config: ["user.x": "\(turn)"], devices: [:]))
        }
        var count = 0
        for await _ in stream { count += 1 }
        #expect(count == 256)
    }

    @Test func metadataKeepsToTheRules() {
        func mistake(_ path: String, _ template: Instance.Metadata.Template) -> String? {
            MetadataRules.mistake(in: [path: template])
        }
        #expect(mistake("/etc/hostname", .init(when: ["create", "start"], template: "hostname.tpl")) == nil)
        for path in ["", "/", "//", "etc", "/a/../b", "/a\nb", "/" + String(repeating: "a", count: 300)] {
            #expect(mistake(path, .init(when: [], template: "t")) != nil, "\(path)")
        }
        for name in ["", ".", "..", "a/b", "a\u{0}", String(repeating: "a", count: 256)] {
            #expect(mistake("/x", .init(when: [], template: name)) != nil, "\(name)")
        }
        #expect(mistake("/x", .init(when: ["never"], template: "t")) != nil)
    }
}
