import LexAPI
import LexStore
import LexTestKit
import Logging
import Testing

@testable import LexDaemon

@Suite struct WarningTests {
    private let warnings = Warnings(
        records: Records(MemoryStore()), events: Events(), logger: Logger(label: "test"))

    @Test func theSameIsCountedOnce() async throws {
        await warnings.record(.dnsmasqFailing, "first", entity: "/1.0/networks/a")
        let first = try #require(try await warnings.list().first)
        await warnings.record(.dnsmasqFailing, "second", entity: "/1.0/networks/a")
        await warnings.record(.dnsmasqFailing, "other", entity: "/1.0/networks/b")
        let again = try await warnings.get(first.uuid)
        #expect(again.count == 2 && again.lastMessage == "second" && again.status == "new")
        #expect(again.firstSeenAt == first.firstSeenAt && again.lastSeenAt >= first.lastSeenAt)
        #expect(try await warnings.list().count == 2)
    }

    @Test func whatIsRightAgainIsResolved() async throws {
        await warnings.record(.networkStartupFailure, "x", entity: "/1.0/networks/a")
        let uuid = try #require(try await warnings.list().first).uuid
        await warnings.resolve(.networkStartupFailure, entity: "/1.0/networks/b")
        #expect(try await warnings.get(uuid).status == "new")
        await warnings.resolve(.networkStartupFailure, entity: "/1.0/networks/a")
        #expect(try await warnings.get(uuid).status == "resolved")
        // It comes back under its old name, as something new.
        await warnings.record(.networkStartupFailure, "y", entity: "/1.0/networks/a")
        let back = try await warnings.get(uuid)
        #expect(back.status == "new" && back.count == 2)
    }

    @Test func aSetHasAllThatHolds() async throws {
        await warnings.record(.hostLimit, "untouched")
        await warnings.set(.foreignFirewall, ["/1.0/networks/a": "one", "/1.0/networks/b": "two"])
        await warnings.set(.foreignFirewall, ["/1.0/networks/b": "three", "/1.0/networks/c": "four"])
        let byEntity = Dictionary(uniqueKeysWithValues: try await warnings.list().map { ($0.entityURL, $0) })
        #expect(byEntity["/1.0/networks/a"]?.status == "resolved")
        #expect(byEntity["/1.0/networks/b"]?.status == "new" && byEntity["/1.0/networks/b"]?.count == 2)
        #expect(byEntity["/1.0/networks/c"]?.lastMessage == "four")
        #expect(byEntity[""]?.status == "new")
        await warnings.forget(entity: "/1.0/networks/b")
        #expect(try await warnings.list().count == 3)
    }

    @Test func aPersonAcknowledges() async throws {
        await warnings.record(.hostLimit, "low")
        let uuid = try #require(try await warnings.list().first).uuid
        func update(_ status: String) async throws {
            var update = LexAPI.Warning.Update(status: .new)
            update.status = status
            try await warnings.update(uuid, update, check: { _ in }, requestor: nil)
        }
        try await update("acknowledged")
        // Met again it is still known.
        await warnings.record(.hostLimit, "low")
        #expect(try await warnings.get(uuid).status == "acknowledged")
        for (status, code) in [("resolved", 403), ("nonsense", 400), ("", 400)] {
            let error = await #expect(throws: APIError.self) { try await update(status) }
            #expect(error?.status == code)
        }
        try await update("new")
        #expect(try await warnings.get(uuid).status == "new")
        try await warnings.delete(uuid, requestor: nil)
        let error = await #expect(throws: APIError.self) { try await warnings.delete(uuid, requestor: nil) }
        #expect(error?.status == 404)
    }

    @Test func thereAreNeverTooMany() async throws {
        let warnings = Warnings(
            records: Records(MemoryStore()), events: Events(), logger: Logger(label: "test"), most: 20)
        for number in 0..<30 { await warnings.record(.orphan, "x", entity: "/1.0/instances/i\(number)") }
        let list = try await warnings.list()
        #expect(list.count == 20)
        #expect(list.contains { $0.entityURL == "/1.0/instances/i29" })
        #expect(!list.contains { $0.entityURL == "/1.0/instances/i0" })
    }
}
