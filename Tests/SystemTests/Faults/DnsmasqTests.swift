import Glibc
import LexAPI
import LexHost
import LexTestKit
import Testing

extension SystemTests.Faults {
    /// A dnsmasq that is killed is there again at once, one that was killed while lexd was away as lexd comes back; new
    /// instances get addresses from it, and names.
    @Test func dnsmasqIsKilled() async throws {
        try await withDaemon { daemon in
            try await daemon.launch("c1")
            let first = try await daemon.dnsmasq()
            for _ in 0..<2 {
                let before = try await daemon.dnsmasq()
                try before.signal(SIGKILL)
                try await eventually("another dnsmasq", within: .seconds(10)) {
                    guard let now = try? await daemon.dnsmasq() else { return false }
                    return now.id != before.id
                }
            }
            #expect(first.hasEnded)
            try await daemon.kill()
            try await daemon.dnsmasq().signal(SIGKILL)
            try await daemon.start()
            try await daemon.launch("c2")
            let address = try await eventually("an address from the new dnsmasq") {
                try await daemon.state("c2").network?["eth0"]?.addresses.first { $0.family == "inet" }?.address
            }
            try await eventually("the name of c2") {
                let answer = try await daemon.exec("c1", "nslookup", "c2.lexd")
                return (answer.text + answer.errors).contains(address)
            }
            // One that lives is adopted, not replaced.
            let adopted = try await daemon.dnsmasq().id
            try await daemon.kill()
            try await daemon.start()
            #expect(try await daemon.dnsmasq().id == adopted)
            #expect(try await daemon.disagreements() == [])
        }
    }
}

extension DaemonFixture {
    /// The dnsmasq of the daemon's network that runs at this moment.
    fileprivate func dnsmasq() async throws -> RunningProcess {
        let option = "--pid-file=\(directory)/networks/"
        return try await eventually("a dnsmasq", within: .seconds(10)) {
            try RunningProcess.all().lazy.compactMap { try? RunningProcess($0) }
                .first { $0.arguments?.contains { $0.hasPrefix(option) } == true }
        }
    }
}
