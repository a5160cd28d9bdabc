import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// What lexd warns of, and when it stops.
    @Suite struct Warnings {
        @Test(arguments: ClientProgram.allCases)
        func aFailedAutostartIsToldUntilItIsRight(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in try await daemon.autostartFails(name) }
        }

        @Test func whatTheMachineLacksIsTold() async throws {
            try await withDaemon(.bare) { daemon in
                let told = try await daemon.warnings().contains { $0.type == "AppArmor support has been disabled" }
                #expect(told == (try HostFacts.read().hasAppArmor == false))
            }
        }
    }
}

extension DaemonFixture {
    fileprivate func warnings() async throws -> [LexAPI.Warning] {
        try await client.call(API.warnings.list, as: [LexAPI.Warning].self, query: ["recursion": "1"])
    }

    private func failures() async throws -> [LexAPI.Warning] {
        try await warnings().filter { $0.type == LexAPI.Warning.Kind.instanceAutostartFailure.rawValue }
    }

    fileprivate func autostartFails(_ name: ClientProgram) async throws {
        let program = program(name)
        try await create("c1", config: ["boot.autostart": "true"])
        // A bridge of the host that is gone at the next start.
        let bridge = "lt\(UInt16.random(in: 10_000 ... .max))"
        try await Tool("ip").check(["link", "add", bridge, "type", "bridge"], doing: "make a bridge")
        do {
            try await program("config", "device", "add", "c1", "eth1", "nic", "nictype=bridged", "parent=\(bridge)")
        } catch {
            try await Tool("ip").check(["link", "delete", bridge], doing: "remove the bridge")
            throw error
        }
        try await Tool("ip").check(["link", "delete", bridge], doing: "remove the bridge")
        for count in 1...2 {
            try await stop()
            try await start()
            try await eventually("it was tried") { try await self.failures().first?.count == count }
        }
        let warning = try #require(try await failures().first)
        #expect(warning.status == "new" && warning.entityURL == "/1.0/instances/c1" && warning.project == "default")
        #expect(warning.lastMessage.contains(bridge))

        let listed = try await program("warning", "list", "--format", "csv")
        #expect(listed.contains("\(warning.uuid),Failed to start instance,NEW,LOW,2,default,"))
        #expect(try await program("warning", "show", warning.uuid).contains("entity_url: /1.0/instances/c1\n"))
        try await program("warning", "acknowledge", warning.uuid)
        #expect(try await !program("warning", "list", "--format", "csv").contains(warning.uuid))
        #expect(try await program("warning", "list", "--all", "--format", "csv").contains("\(warning.uuid),"))
        // Both clients print it in the same way.
        for format in ["table", "json", "yaml", "csv", "compact"] {
            let ours = try await lx("warning", "list", "-a", "-f", format)
            #expect(ours == (try await lxc("warning", "list", "-a", "-f", format)), "\(format)")
        }

        // It is right again: the warning is, too.
        try await program("config", "device", "remove", "c1", "eth1")
        try await program("start", "c1")
        #expect(try await failures().first?.status == "resolved")
        try await program("warning", "delete", warning.uuid)
        #expect(try await failures().isEmpty)
        let refused = try await program.run(["warning", "show", warning.uuid])
        #expect(refused.status == 1 && refused.errors.contains("Warning not found"))
        // The stock client's own does nothing.
        try await lx("warning", "delete", "--all")
        #expect(try await warnings().isEmpty)
        try await stop("c1", force: true)
    }
}
