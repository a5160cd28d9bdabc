import LexAPI
import Testing

@testable import lx

@Suite struct ListTests {
    private let web = Instance.Full.sample(
        name: "web1", config: ["user.owner": "me", "volatile.base_image": "f9f5a51e09d9124f"])
    private let stopped = Instance.Full.sample(name: "db", status: .stopped)

    private func text(_ columns: String, _ instance: Instance.Full) throws -> [String] {
        try ListColumn.parse(columns).map { $0.text(instance) }
    }

    @Test func theUsualColumns() throws {
        #expect(
            try text("ns46tS", web) == [
                "web1", "RUNNING", "10.79.0.4 (eth0)\n10.79.0.36 (eth0)", "fd42::1 (eth0)", "CONTAINER", "0",
            ])
        #expect(
            try ListColumn.parse("ns46tSL").map(\.title) == [
                "NAME", "STATE", "IPV4", "IPV6", "TYPE", "SNAPSHOTS", "LOCATION",
            ])
    }

    @Test func everyColumnHasATitleAndAText() throws {
        #expect(
            try text("abcdDefFlmMNpPu", web) == [
                "x86_64", "fast", "2026/11/23 07:29 UTC", "", "132.00KiB", "default", "f9f5a51e09d9",
                "f9f5a51e09d9124f", "", "2.53MiB", "0.2%", "2", "3370", "default\nweb", "2s",
            ])
        #expect(ListColumn.letters.allSatisfy { !$0.column.title.isEmpty && !$0.summary.isEmpty })
        #expect(Set(ListColumn.letters.map(\.letter)).count == ListColumn.letters.count)
    }

    @Test func aStoppedInstanceUsesNothing() throws {
        #expect(try text("46mNpu", stopped) == ["", "", "", "", "", ""])
    }

    @Test func ephemeralInstancesSaySo() throws {
        let column = try #require(try ListColumn.parse("t").first)
        #expect(
            column.text(.init(instance: .sample(name: "x", ephemeral: true), state: nil)) == "CONTAINER (EPHEMERAL)")
    }

    @Test func configurationKeysAreColumns() throws {
        let columns = try ListColumn.parse("n,user.owner:WHO,devices:eth0.network:NET:4,config:limits.memory,user.x::0")
        #expect(columns.map(\.title) == ["NAME", "WHO", "NET", "limits.memory", "user.x"])
        #expect(columns.map { $0.text(web) } == ["web1", "me", "lexd", "1GiB", ""])
    }

    @Test(arguments: [
        "", "n,", "z", "user.a:T:x", "user.a:T:-2", "user.a:T:1:2", "devices:eth0:x", "config:", "n,state.foo", "x.y",
        "config:nothing.here",
    ])
    func whatIsNoColumnIsRefused(_ text: String) {
        #expect(throws: Failure.self) { try ListColumn.parse(text) }
    }

    @Test func onlyWhatNeedsTheStateAsksForIt() throws {
        #expect(try !ListColumn.parse(List.fastColumns).contains { $0.needsState })
        #expect(try ListColumn.parse(List.defaultColumns).contains { $0.needsState })
    }

    @Test(arguments: [
        ("web", true), ("web1", true), ("eb1", false), ("w.*1", true), ("^web", true), ("1$", true), ("[", false),
        ("user.owner=me", true), ("u.o=me", true), ("u=me", false), ("user.owner=m.*", true), ("user.owner=m", false),
        ("user.none=x", false), ("type=container", true), ("type=virtual-machine,container", true),
        ("status=running", true), ("status=stopped", false), ("architecture=X86_64", true), ("location=none", true),
        ("ipv4=10.79.0.36", true), ("ipv4=10.79.0.0/24", true), ("ipv4=10.80.0.0/16", false),
        ("ipv6=fd42::/16", true), ("ipv6=fd43::/16", false), ("limits.memory=1GiB", true),
        ("name=web1", true), ("name=WEB1", true), ("name=web", false), ("name=w.*", true), ("name=^web", true),
        ("name=web1,db", false), ("ephemeral=false", true), ("ephemeral=true", false), ("stateful=false", true),
        ("project=default", true), ("description=.*", true), ("status_code=103", true), ("created_at=.*", true),
        ("profiles=default", false), ("config=x", false), ("user.none=", true), ("state=running", false),
    ]) func filters(_ word: String, _ accepted: Bool) throws {
        #expect(try ListFilter.parse([word]).allSatisfy { $0.accepts(web) } == accepted)
    }

    @Test func addressesThatAreNoneAreRefused() {
        #expect(throws: Failure.self) { try ListFilter.parse(["ipv4=10.0.0"]) }
        #expect(throws: Failure.self) { try ListFilter.parse(["ipv6=fd00::/200"]) }
    }
}
