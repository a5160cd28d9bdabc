import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Metadata and templates of the image in an instance.
    @Suite struct TemplatesOfInstances {
        @Test func areWrittenWhenTheirTimeComes() async throws {
            try await withDaemon { try await $0.checkMoments() }
        }

        @Test func aGuestsLinksLeadNowhereElse() async throws {
            try await withDaemon { try await $0.checkHostileRoot() }
        }

        @Test(arguments: ClientProgram.allCases)
        func areShownAndEdited(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkEditing(name) }
        }

        @Test func hostileImagesAreRefused() async throws {
            try await withDaemon(.withoutImage) { try await $0.checkHostileImages() }
        }
    }
}

private let metadata = """
    architecture: x86_64
    creation_date: 1700000000
    properties:
      os: Busybox
    templates:
      /etc/probe:
        when: [create, copy, rename]
        template: probe.tpl
        properties: {answer: "42"}
      /etc/made/here/once:
        when: [start]
        create_only: true
        template: once.tpl
      /etc/each:
        when: [start]
        template: each.tpl

    """

extension DaemonFixture {
    /// An image with these templates.
    fileprivate func importTemplates(
        _ metadata: String, _ templates: [String: String], alias: String = "templates",
        extra: @escaping @Sendable (inout TarFile) -> Void = { _ in }
    ) async throws {
        var contents = BusyboxImage.Contents()
        contents.metadata = metadata
        contents.extra = { tar in
            tar.add("templates", .directory)
            for (name, text) in templates.sorted(by: { $0.key < $1.key }) { tar.add("templates/\(name)", text: text) }
            extra(&tar)
        }
        try await importImage(try await BusyboxImage.tarball(contents), alias: alias)
    }

    fileprivate func checkMoments() async throws {
        try await importTemplates(
            metadata,
            [
                "probe.tpl":
                    "{{ trigger }} {{ instance.name }} {{ properties.answer }} {{ config_get(\"user.a\", \"none\") }}\n",
                "once.tpl": "{{ path }}\n",
                "each.tpl": "{{ config_get(\"user.a\", \"none\") }} {{ instance.privileged }}\n",
            ])
        try await launch("t1", image: "templates")
        let read =
            "cat /etc/probe /etc/made/here/once /etc/each; stat -c '%u %g %a' /etc/probe /etc/made /etc/made/here/once"
        #expect(
            try await shell("t1", read)
                == "create t1 42 none\n/etc/made/here/once\nnone false\n0 0 644\n0 0 755\n0 0 644")
        #expect(try await instance("t1").config["volatile.apply_template"] == nil)
        // A start writes what is for starts, over what is there, and keeps what is only for once.
        _ = try await shell(
            "t1", "echo own > /etc/probe; echo own > /etc/made/here/once; echo longer than it was > /etc/each")
        try await configure("t1", ["user.a": "set"])
        try await stop("t1", force: true)
        try await start("t1")
        #expect(try await shell("t1", "cat /etc/probe /etc/made/here/once /etc/each") == "own\nown\nset false")
        try await lx("snapshot", "t1", "before")
        try await stop("t1", force: true)
        // Copies, moves, renames and snapshots take them along.
        try await lx("copy", "t1", "t2")
        try await lx("rename", "t1", "t3")
        try await lx("copy", "t3/before", "t4", "-c", "security.privileged=true")
        for name in ["t2", "t3", "t4"] { try await start(name) }
        #expect(try await shell("t2", "cat /etc/probe") == "copy t2 42 set")
        #expect(try await shell("t3", "cat /etc/probe") == "rename t3 42 set")
        #expect(
            try await shell("t4", "cat /etc/probe /etc/each; stat -c '%u %g' /etc/probe")
                == "copy t4 42 set\nset true\n0 0")
        // What is edited counts at the next start, and going back to a snapshot takes it back.
        try await lx("config", "template", "edit", "t3", "each.tpl", input: .text("new {{ trigger }}\n"))
        try await changeState("t3", "restart", timeout: 0, force: true)
        try await eventually("t3 was restarted") { try await shell("t3", "cat /etc/each") == "new start" }
        try await lx("restore", "t3", "before")
        try await waitFor("t3", "Running")
        #expect(try await lx("config", "template", "show", "t3", "each.tpl").hasPrefix("{{ config_get"))
        // A mistake keeps it from starting, and says where it is.
        try await stop("t2", force: true)
        try await lx(
            "config", "template", "edit", "t2", "each.tpl", input: .text("fine\n{% include \"/etc/shadow\" %}\n"))
        let refusal = try await lx.run("start", "t2")
        #expect(refusal.status == 1)
        #expect(
            refusal.errors.contains("/etc/each") && refusal.errors.contains("line 2")
                && refusal.errors.contains("include"))
        try await lx("config", "template", "delete", "t2", "each.tpl")
        #expect(try await lx.run("start", "t2").errors.contains("\"each.tpl\" is missing"))
        // Also after lexd began anew, which forgets what nobody has.
        try await stop()
        try await start()
        try await lx("config", "template", "create", "t2", "each.tpl")
        try await start("t2")
        #expect(try await shell("t2", "cat /etc/each; cat /etc/made/here/once") == "own")
    }

    /// A guest that waits for its next start with links and other things where its templates go.
    fileprivate func checkHostileRoot() async throws {
        try await importTemplates(
            """
            architecture: x86_64
            creation_date: 1700000000
            properties: {os: Busybox}
            templates:
              /etc/one: {when: [start], template: t}
              /up/two: {when: [start], template: t}
              /etc/magic/three: {when: [start], template: t}

            """, ["t": "from a template\n"])
        try await create("t1", image: "templates")
        let victim = try file("victim", Array("untouched\n".utf8))
        try await launch("t2", image: "templates")
        _ = try await shell(
            "t2",
            """
            rm -rf /etc/one /up /etc/magic; ln -s \(victim) /etc/one; ln -s ../../../../../../../../../\(work) /up
            mkdir -p \(work); ln -s /proc/self/root/etc /etc/magic
            """)
        try await stop("t2", force: true)
        // The link through /proc leads nowhere while nobody runs, and that is said; the others stay inside.
        let refusal = try await lx.run("start", "t2")
        #expect(refusal.status == 1 && refusal.errors.contains("/etc/magic"))
        try await lx("file", "delete", "t2/etc/magic")
        try await start("t2")
        #expect(try readFile(victim) == "untouched\n")
        #expect(access(path("two"), F_OK) != 0)
        #expect(try await shell("t2", "cat \(victim) \(work)/two") == "from a template\nfrom a template")
        // A fifo is not waited for, and a directory is no file.
        for make in ["mkfifo /etc/one", "mkdir /etc/one"] {
            _ = try await shell("t2", "rm -rf /etc/one; \(make)")
            try await stop("t2", force: true)
            let refusal = try await lx.run("start", "t2", within: .seconds(30))
            #expect(refusal.status == 1 && refusal.errors.contains("/etc/one"))
            try await lx("file", "delete", "t2/etc/one")
            try await start("t2")
        }
    }

    fileprivate func checkEditing(_ name: ClientProgram) async throws {
        try await importTemplates(metadata, ["probe.tpl": "p\n", "once.tpl": "o\n", "each.tpl": "e\n"])
        try await create("t1", image: "templates")
        let client = program(name)
        let shown = try await client("config", "metadata", "show", "t1")
        #expect(
            shown.contains(
                "  /etc/made/here/once:\n    when:\n    - start\n    create_only: true\n    template: once.tpl\n"))
        #expect(try await lx("config", "metadata", "show", "t1") == lxc("config", "metadata", "show", "t1"))
        #expect(try await client("config", "template", "list", "t1", "-f", "csv") == "each.tpl\nonce.tpl\nprobe.tpl\n")
        for format in ["table", "json", "yaml", "csv", "compact"] {
            #expect(
                try await lx("config", "template", "list", "t1", "-f", format)
                    == lxc("config", "template", "list", "t1", "-f", format))
        }
        try await client("config", "template", "create", "t1", "new.tpl")
        #expect(try await client("config", "template", "show", "t1", "new.tpl") == "")
        try await client("config", "template", "edit", "t1", "new.tpl", input: .text("a {{ b }}\n"))
        #expect(try await client("config", "template", "show", "t1", "new.tpl") == "a {{ b }}\n")
        // A shorter one is written over a longer one as a whole.
        try await client("config", "template", "edit", "t1", "new.tpl", input: .text("a\n"))
        #expect(try await client("config", "template", "show", "t1", "new.tpl") == "a\n")
        try await client("config", "template", "delete", "t1", "new.tpl")
        #expect(try await client.run("config", "template", "show", "t1", "new.tpl").errors.contains("not found"))
        try await client(
            "config", "metadata", "edit", "t1",
            input: .text(
                shown.split(separator: "\n").map { $0.contains("os: Busybox") ? "  os: Other" : $0 }.joined(
                    separator: "\n")))
        #expect(try await client("config", "metadata", "show", "t1").contains("  os: Other\n"))
        for wrong in ["../up", "a/b", ".."] {
            #expect(
                try await client.run("config", "template", "create", "t1", wrong).errors.contains(
                    "Invalid template filename"))
        }
        for path in ["relative", "/a/../../b", "/a\\nb"] {
            let body = "{\"templates\": {\"\(path)\": {\"template\": \"t\"}}}"
            let answer = try await self.client.raw(
                .patch, "/1.0/instances/t1/metadata", body: Array(body.utf8), headers: [])
            #expect(answer.status == 400, "\(path)")
        }
        #expect(try await client("config", "metadata", "show", "t1").contains("  os: Other\n"))
    }

    fileprivate func checkHostileImages() async throws {
        let head = "architecture: x86_64\ncreation_date: 1700000000\ntemplates:\n"
        for path in ["/a/../../etc/cron.d/x", "etc/x", "/", "/..", "//"] {
            await #expect(throws: (any Error).self, "\(path)") {
                try await importTemplates(
                    head + "  \"\(path)\": {when: [start], template: t}\n", ["t": "x"], alias: "x")
            }
        }
        for name in ["../t", "/etc/shadow", "a/b", ".", ""] {
            await #expect(throws: (any Error).self, "\(name)") {
                try await importTemplates(
                    head + "  /x: {when: [start], template: \"\(name)\"}\n", ["t": "x"], alias: "x")
            }
        }
        await #expect(throws: (any Error).self) {
            try await importTemplates(head + "  /x: {when: [start], template: t}\n", [:], alias: "x") {
                $0.add("templates/t", .link(to: "/etc/shadow"))
            }
        }
        #expect(try await lx("image", "list", "-f", "csv") == "")
    }
}
