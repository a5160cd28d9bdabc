import LexIPC
import Testing

@testable import lexd_archive

@Suite struct ImageRulesTests {
    private var rules = ImageRules(ArchiveLimits(bytes: 1 << 30))

    private func facts(_ path: String, _ kind: EntryKind = .file, size: Int64 = 0, user: Int64 = 0) -> EntryFacts {
        EntryFacts(path: Array(path.utf8), kind: kind, size: size, user: user, group: 0)
    }
    private func path(_ text: String) throws -> EntryPath { try EntryPath(Array(text.utf8), depth: 128) }
    private func link(_ target: String) -> EntryKind { .hardLink(target: Array(target.utf8)) }

    @Test mutating func takesAnImage() throws {
        #expect(try rules.judge(facts("./", .directory)) == .skip)
        #expect(try rules.judge(facts("metadata.yaml", size: 100)) == .metadata)
        #expect(try rules.judge(facts("rootfs/", .directory)) == .make(path("rootfs")))
        #expect(
            try rules.judge(facts("rootfs/bin", .symbolicLink(target: Array("/../..".utf8))))
                == .make(path("rootfs/bin")))
        #expect(try rules.judge(facts("./rootfs/etc/passwd")) == .make(path("rootfs/etc/passwd")))
        #expect(try rules.judge(facts("rootfs/run/initctl", .fifo)) == .make(path("rootfs/run/initctl")))
        #expect(
            try rules.judge(facts("rootfs/b", link("./rootfs/a"))) == .link(path("rootfs/b"), target: path("rootfs/a")))
        #expect(try rules.judge(facts("templates", .directory)) == .make(path("templates")))
        #expect(try rules.judge(facts("templates/hostname.tpl")) == .make(path("templates/hostname.tpl")))
        try rules.finish()
        #expect(rules.warnings.all == [])
        #expect(rules.budget.entries == 9)
    }

    @Test(arguments: [
        ("rootfs/a", EntryKind.hardLink(target: Array("/etc/shadow".utf8)), "absolute"),
        ("rootfs/a", .hardLink(target: Array("rootfs/../../etc/shadow".utf8)), "\"..\""),
        ("rootfs/a", .hardLink(target: Array("metadata.yaml".utf8)), "not below rootfs/"),
        ("rootfs/a", .hardLink(target: Array("templates/x".utf8)), "not below rootfs/"),
        ("rootfs/a", .hardLink(target: Array("rootfs".utf8)), "not below rootfs/"),
        ("rootfs/a", .hardLink(target: Array("./rootfs/a".utf8)), "itself"),
        ("rootfs/a", .hardLink(target: []), "no name"),
        ("rootfs", .symbolicLink(target: Array("/".utf8)), "must be a directory"),
        ("./rootfs/", .symbolicLink(target: Array("/".utf8)), "must be a directory"),
        ("rootfs", .file, "must be a directory"),
        ("templates", .symbolicLink(target: Array("/etc".utf8)), "must be a directory"),
        ("templates/a", .symbolicLink(target: Array("/etc/shadow".utf8)), "templates are nothing else"),
        ("templates/a", .hardLink(target: Array("rootfs/a".utf8)), "templates are nothing else"),
        ("templates/a", .fifo, "templates are nothing else"),
        ("metadata.yaml", .symbolicLink(target: Array("/etc/shadow".utf8)), "must be a regular file"),
        ("metadata.yaml", .hardLink(target: Array("rootfs/a".utf8)), "must be a regular file"),
        ("metadata.yaml", .directory, "must be a regular file"),
        ("metadata.yaml/x", .file, "must be a regular file"),
        (".", .symbolicLink(target: Array("/".utf8)), "must be a directory"),
    ])
    mutating func refuses(_ path: String, _ kind: EntryKind, _ rule: String) {
        let entry = facts(path, kind)
        var rules = rules
        let refusal = #expect(throws: Refusal.self) { try rules.judge(entry) }
        #expect(refusal?.sentence.contains(rule) == true, "\(refusal?.sentence ?? "")")
        #expect(refusal?.sentence.contains("entry ") == true || rule == "no name")
    }

    @Test mutating func refusesMetadataThatIsTooLongOrThereTwice() throws {
        var copy = rules
        #expect(throws: Refusal.self) { try copy.judge(facts("metadata.yaml", size: (1 << 20) + 1)) }
        #expect(try rules.judge(facts("metadata.yaml", size: 1 << 20)) == .metadata)
        let refusal = #expect(throws: Refusal.self) { try rules.judge(facts("./metadata.yaml")) }
        #expect(refusal?.sentence == #"entry "./metadata.yaml" is there twice"#)
    }

    @Test mutating func refusesIdsBeyondAnInstance() throws {
        for id: Int64 in [-1, 65536, .max] {
            var copy = rules
            #expect(throws: Refusal.self) { try copy.judge(facts("rootfs/a", user: id)) }
            #expect(throws: Refusal.self) {
                try copy.judge(EntryFacts(path: Array("rootfs/a".utf8), kind: .file, group: id))
            }
        }
        _ = try rules.judge(facts("rootfs/a", user: 65535))
    }

    @Test mutating func leavesOut() throws {
        #expect(try rules.judge(facts("rootfs/dev/null", .device)) == .skip)
        #expect(try rules.judge(facts("rootfs/dev/console", link("rootfs/dev/null"))) == .skip)
        #expect(rules.warnings.all == [])
        #expect(try rules.judge(facts("rootfs/lib/node", .device)) == .skip)
        #expect(try rules.judge(facts("rootfs/run/socket", .socket)) == .skip)
        #expect(try rules.judge(facts("rootfs/odd", .other)) == .skip)
        #expect(try rules.judge(facts("backup.yaml", .symbolicLink(target: [47]))) == .skip)
        #expect(try rules.judge(facts("rootfsx/a")) == .skip)
        #expect(try rules.judge(facts("extra/", .directory)) == .skip)
        #expect(rules.warnings.all.count == 6)
        #expect(rules.warnings.all.first == #""rootfs/lib/node" is a device node and was left out"#)
    }

    @Test mutating func wantsMetadataAndARoot() throws {
        #expect(throws: Refusal.self) { try rules.finish() }
        _ = try rules.judge(facts("metadata.yaml"))
        let refusal = #expect(throws: Refusal.self) { try rules.finish() }
        #expect(refusal?.sentence.contains("rootfs/") == true)
    }

    @Test func countsEntriesAndBytes() throws {
        var budget = Budget(ArchiveLimits(entries: 2, bytes: 100))
        try budget.countEntry()
        try budget.countEntry()
        #expect(throws: Refusal.self) { try budget.countEntry() }
        try budget.countBytes(100, read: 1)
        #expect(throws: Refusal.self) { try budget.countBytes(1, read: 1000) }
        #expect(throws: Refusal.self) { try budget.countBytes(.max, read: 1000) }
    }

    @Test func countsTheRatioOnlyOfWhatIsHuge() throws {
        let limits = ArchiveLimits(bytes: .max, ratio: 10, ratioFrom: 1000)
        var budget = Budget(limits)
        try budget.countBytes(1000, read: 1)
        #expect(throws: Refusal.self) { try budget.countBytes(1, read: 1) }
        var real = Budget(limits)
        try real.countBytes(10_000, read: 1000)
        #expect(throws: Refusal.self) { try real.countBytes(1, read: 1000) }
        var most = Budget(limits)
        try most.countBytes(10_000, read: .max)
    }

    @Test(arguments: [
        ("user.comment", AttributeVerdict.keep), ("security.capability", .keep), ("system.posix_acl_access", .keep),
        ("system.posix_acl_default", .keep), ("user.overlay.redirect", .drop), ("trusted.overlay.opaque", .drop),
        ("security.selinux", .drop), ("security.ima", .drop), ("system.nfs4_acl", .drop), ("", .drop), ("userx", .drop),
    ])
    func judgesAttributes(_ name: String, _ verdict: AttributeVerdict) {
        #expect(AttributeRules.judge(name) == verdict)
    }

    @Test func writesAccessListsAsTheKernelWantsThem() {
        let entries = [
            AccessEntry(tag: .other, permissions: 0), AccessEntry(tag: .user, permissions: 7, id: 1000),
            AccessEntry(tag: .user, permissions: 4, id: 33), AccessEntry(tag: .owner, permissions: 6),
            AccessEntry(tag: .mask, permissions: 7), AccessEntry(tag: .owningGroup, permissions: 4),
        ]
        let none: [UInt8] = [255, 255, 255, 255]
        #expect(
            AccessEntry.attribute(entries) == [2, 0, 0, 0]
                + [1, 0, 6, 0] + none + [2, 0, 4, 0, 33, 0, 0, 0] + [2, 0, 7, 0, 232, 3, 0, 0]
                + [4, 0, 4, 0] + none + [16, 0, 7, 0] + none + [32, 0, 0, 0] + none)
    }
}
