import LexIPC
import Testing

@testable import lexd_archive

@Suite struct CompositionRulesTests {
    private func rules(_ omitted: [String] = [], _ additions: [AddedEntry] = []) throws -> CompositionRules {
        try CompositionRules(
            ImageComposition(metadata: "", omitted: omitted, additions: additions, templates: []),
            ArchiveLimits(bytes: 1 << 30))
    }
    private func facts(_ path: String, _ kind: EntryKind = .file) -> EntryFacts {
        EntryFacts(path: Array(path.utf8), kind: kind)
    }
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func putsAllBelowTheRoot() throws {
        var rules = try rules()
        #expect(try rules.judge(facts("./", .directory)) == .root)
        #expect(try rules.judge(facts("./etc/passwd")) == .take(bytes("rootfs/etc/passwd")))
        #expect(
            try rules.judge(facts("./b", .hardLink(target: bytes("./a"))))
                == .link(bytes("rootfs/b"), target: bytes("rootfs/a")))
        #expect(try rules.judge(facts("./dev/null", .device)) == .skip)
        #expect(rules.warnings.all == [])
        #expect(try rules.judge(facts("./lib/null", .device)) == .skip)
        #expect(rules.warnings.all.count == 1)
        #expect(throws: Refusal.self) { try rules.judge(facts("../x")) }
    }

    @Test func leavesOut() throws {
        var rules = try rules(["etc/hostname", "root/.ssh", "etc/ssh/ssh_host_*"])
        #expect(try rules.judge(facts("./etc/hostname")) == .skip)
        #expect(try rules.judge(facts("./etc/hostnames")) == .take(bytes("rootfs/etc/hostnames")))
        #expect(try rules.judge(facts("./root/.ssh", .directory)) == .skip)
        #expect(try rules.judge(facts("./root/.ssh/id")) == .skip)
        #expect(try rules.judge(facts("./etc/ssh/ssh_host_rsa_key")) == .skip)
        #expect(try rules.judge(facts("./etc/ssh/sshd_config")) == .take(bytes("rootfs/etc/ssh/sshd_config")))
        #expect(throws: Refusal.self) { try rules.judge(facts("./x", .hardLink(target: bytes("./etc/hostname")))) }
    }

    @Test func putsAdditionsInPlace() throws {
        var rules = try rules([], [AddedEntry(path: "etc/systemd/network/eth0.network", content: "x")])
        #expect(rules.missingParents == [bytes("etc"), bytes("etc/systemd"), bytes("etc/systemd/network")])
        #expect(try rules.judge(facts("./etc", .directory)) == .take(bytes("rootfs/etc")))
        #expect(rules.missingParents == [bytes("etc/systemd"), bytes("etc/systemd/network")])
        #expect(try rules.judge(facts("./etc/systemd/network/eth0.network")) == .skip)
        #expect(throws: Refusal.self) { try rules.judge(facts("./etc/systemd/network/eth0.network", .directory)) }
        #expect(throws: Refusal.self) { try rules.judge(facts("./etc/systemd/network/eth0.network/x")) }
        #expect(throws: Refusal.self) { try rules.judge(facts("./etc/systemd", .symbolicLink(target: bytes("/")))) }
    }

    @Test(arguments: ["", "/etc/x", "../x", "."])
    func refusesImproperAdditions(_ path: String) {
        #expect(throws: Refusal.self) { try rules([], [AddedEntry(path: path, content: "x")]) }
    }

    @Test func refusesAdditionsThatContradict() {
        let file = AddedEntry(path: "a/b", content: "x")
        #expect(throws: Refusal.self) { try rules([], [file, file]) }
        #expect(throws: Refusal.self) { try rules([], [file, AddedEntry(path: "a", content: "x")]) }
    }
}
