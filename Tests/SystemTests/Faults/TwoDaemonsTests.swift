import LexAPI
import LexTestKit
import Testing

extension SystemTests.Faults {
    /// Two daemons with directories of their own, and instances of the same names, do not get in each other's way:
    /// not while both run, not when one is killed, and not when one takes everything of its own away.
    @Test func twoDaemonsSideBySide() async throws {
        try await withDaemon { first in
            try await first.launch("c1")
            let firstInit = try await first.initProcess("c1")
            let secondTag = try await withDaemon { second in
                try await second.launch("c1")
                try await second.launch("c2")
                try await Self.areApart(first, second)
                try await second.kill()
                try await second.start()
                try await first.kill()
                try await first.start()
                try await Self.areApart(first, second)
                try await second.stop("c1")
                #expect(try await first.instance("c1").status == "Running")
                #expect(try await first.disagreements() == [])
                #expect(try await second.disagreements() == [])
                return second.tag
            }
            #expect(secondTag != first.tag)
            #expect(try await first.initProcess("c1") == firstInit)
            #expect(try await first.shell("c1", "echo here") == "here")
            #expect(try await first.disagreements() == [])
        }
    }

    /// A second daemon for the same directory says so and ends, and harms nothing.
    @Test func twoDaemonsInOneDirectory() async throws {
        try await withDaemon { daemon in
            try await daemon.launch("c1")
            let process = try await daemon.initProcess("c1")
            let second = try await daemon.lexd.run()
            #expect(second.status != 0)
            #expect(second.errors.contains("Another lexd uses the directory \(daemon.directory)"), "\(second)")
            #expect(try await daemon.initProcess("c1") == process)
            #expect(try await daemon.shell("c1", "echo here") == "here")
            #expect(try await daemon.disagreements() == [])
        }
    }

    private static func areApart(_ first: DaemonFixture, _ second: DaemonFixture) async throws {
        for daemon in [first, second] {
            #expect(try await daemon.disagreements() == [])
            try await eventually("an address") {
                try await daemon.state("c1").network?["eth0"]?.addresses.contains { $0.family == "inet" } == true
            }
        }
        let (one, other) = (try await first.instance("c1").config, try await second.instance("c1").config)
        for key in ["volatile.idmap.base", "volatile.eth0.host_name", "volatile.eth0.hwaddr"] {
            #expect(one[key] != nil)
            #expect(one[key] != other[key], "\(key)")
        }
        #expect(try await first.initProcess("c1") != second.initProcess("c1"))
        #expect(try await first.network() != second.network())
        let addresses = (
            try await first.shell("c1", "ip -4 -o addr show eth0"),
            try await second.shell("c1", "ip -4 -o addr show eth0")
        )
        #expect(addresses.0 != addresses.1)
    }
}
