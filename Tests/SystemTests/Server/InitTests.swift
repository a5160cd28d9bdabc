import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// `lexd init`, each way.
    @Suite struct Initialisation {
        @Test func automaticallyOnAnEmptyServer() async throws {
            try await withDaemon(.bare) { daemon in try await daemon.automatic() }
        }

        /// A server whose first start made its defaults has all of it: nothing changes.
        @Test(arguments: ["--auto", "--minimal"])
        func onAServerThatHasEverything(_ way: String) async throws {
            try await withDaemon(.withoutImage) { daemon in
                let before = try await daemon.lexd("init", "--dump")
                try await daemon.lexd("init", way)
                #expect(try await daemon.lexd("init", "--dump") == before)
            }
        }

        @Test func aPreseedIsAppliedWhole() async throws {
            try await withDaemon(.bare) { daemon in try await daemon.preseed() }
        }

        @Test func whatFailsIsUndone() async throws {
            try await withDaemon(.bare) { daemon in try await daemon.undone() }
        }

        @Test func whatIsWrongIsSaidBeforeAnythingIsDone() async throws {
            try await withDaemon(.bare) { daemon in try await daemon.refusals() }
        }

        @Test func questionsOnATerminal() async throws {
            try await withDaemon(.bare) { daemon in try await daemon.questions() }
        }
    }
}

extension DaemonFixture {
    private var pools: [StoragePool] {
        get async throws {
            try await client.call(API.storagePools.list, as: [StoragePool].self, query: ["recursion": "1"])
        }
    }
    private var managed: [Network] {
        get async throws {
            try await client.call(API.networks.list, as: [Network].self, query: ["recursion": "1"])
                .filter(\.managed)
        }
    }
    private var defaultProfile: Profile {
        get async throws { try await client.call(API.profiles.get, path: ["name": "default"]) }
    }

    fileprivate func automatic() async throws {
        try await lexd("init", "--auto", "--storage-backend", "overlay", "--storage-pool", "main")
        #expect(try await pools.map(\.name) == ["main"])
        let bridge = try #require(try await managed.first)
        let devices = try await defaultProfile.devices
        #expect(devices["root"] == ["type": "disk", "path": "/", "pool": "main"])
        #expect(devices["eth0"] == ["type": "nic", "name": "eth0", "network": bridge.name])
        // It is what a launch needs.
        try await importImage(await BusyboxImage.standard(), alias: "busybox")
        try await launch("c1")
        try await stop("c1", force: true)
        // Again it has nothing to do, and what was asked for otherwise is refused.
        try await lexd("init", "--auto")
        let again = try await lexd.run("init", "--auto", "--storage-backend", "overlay")
        #expect(again.status == 1 && again.errors.contains("Storage has already been configured"))
        #expect(try await pools.count == 1)
        #expect(try await managed.count == 1)
    }

    fileprivate func preseed() async throws {
        let text = """
            config:
              images.auto_update_interval: 15
              user.note: yes
            storage_pools:
            - name: one
              driver: overlay
            profiles:
            - name: default
              description: hello
              devices:
                root:
                  type: disk
                  path: /
                  pool: one
            - name: other
              config:
                user.x: 5
                limits.cpu: 1
            networks: []
            cluster: null

            """
        try await lexd("init", "--preseed", input: .text(text))
        let config = try await client.call(API.server.get).config
        #expect(config?["images.auto_update_interval"] == "15")
        #expect(try await pools.map(\.name) == ["one"])
        let profile = try await defaultProfile
        #expect(profile.description == "hello" && profile.devices["root"]?["pool"] == "one")
        let other = try await client.call(API.profiles.get, path: ["name": "other"])
        #expect(other.config == ["user.x": "5", "limits.cpu": "1"])
        // What the server says of itself makes no difference to it.
        let dump = try await lexd("init", "--dump")
        #expect(dump.contains("  images.auto_update_interval: \"15\"\n"))
        #expect(dump.contains("storage_pools:\n- config:\n"))
        try await lexd("init", "--preseed", input: .text(dump))
        #expect(try await lexd("init", "--dump") == dump)
    }

    fileprivate func undone() async throws {
        try await client.call(
            API.server.patch, body: Server.Update(config: ["user.before": "1", "images.remote_cache_expiry": "4"]))
        let before = try await lexd("init", "--dump")
        let text = """
            config:
              user.before: "2"
              user.after: "3"
            storage_pools:
            - name: one
              driver: overlay
            profiles:
            - name: default
              description: changed
            - name: other
            - name: broken
              devices:
                x:
                  type: nonsense

            """
        let failed = try await lexd.run("init", "--preseed", input: .text(text))
        #expect(failed.status == 1 && failed.errors.contains("Failed to configure profile \"broken\""))
        #expect(try await lexd("init", "--dump") == before)
    }

    fileprivate func refusals() async throws {
        let before = try await lexd("init", "--dump")
        let cases: [(arguments: [String], input: String, why: String)] = [
            (["--preseed"], "cluster:\n  enabled: true\n  server_name: a\n", "cannot be part of a cluster"),
            (["--preseed"], "nonsense: 1\n", "no section \"nonsense\""),
            (["--preseed"], "profiles:\n- name: a\n  nonsense: 1\n", "no field \"nonsense\""),
            (["--preseed"], "profiles:\n- description: a\n", "name"),
            (["--preseed"], "- a\n", "names and values"),
            (["--preseed"], "config: {a: [\n", "parse the preseed"),
            (["--preseed"], "config: {nonsense: 1}\n", "Failed to update server configuration: Cannot set 'nonsense'"),
            (["--auto", "--network-address", "192.0.2.1"], "", "access over HTTPS"),
            (["--auto", "--network-port", "8443"], "", "--network-address"),
            (["--auto", "--storage-backend", "nope"], "", "backend 'nope' is not supported"),
            (["--auto", "--storage-create-loop", "5"], "", "may be used with"),
            (["--auto", "--minimal"], "", "together"), (["--storage-backend", "dir"], "", "require --auto"),
            ([], "", "The answers ended"), ([], "yes\n", "cannot be part of a cluster"),
        ]
        for (arguments, input, why) in cases {
            let refused = try await lexd.run(["init"] + arguments, input: .text(input))
            #expect(refused.status != 0 && refused.errors.contains(why), "\(arguments) \(input): \(refused.errors)")
        }
        #expect(try await lexd("init", "--dump") == before)
    }

    fileprivate func questions() async throws {
        let pty = try Pty(lexd, ["init"])
        // Each answer is given when its question stands there.
        let bridge = "lt\(UInt16.random(in: 10_000 ... .max))"
        let dialogue: [(question: String, answer: String)] = [
            ("clustering? (yes/no) [default=no]: ", ""), ("new storage pool? (yes/no) [default=yes]: ", "maybe"),
            ("Invalid input, try again.", ""), ("Name of the new storage pool [default=default]: ", "two"),
        ]
        for (question, answer) in dialogue {
            _ = try await pty.shows(question)
            try pty.type("\(answer)\n")
        }
        if try await client.call(API.server.get).environment?.storageSupportedDrivers.count ?? 0 > 1 {
            _ = try await pty.shows("storage backend to use")
            try pty.type("overlay\n")
        }
        for (question, answer) in [
            ("Directory the pool lies in", ""), ("network bridge? (yes/no) [default=yes]: ", "yes"),
            ("new bridge be called?", "x/y"), ("invalid characters", bridge),
            ("What IPv4 address", "10.0.0"), ("must be", "none"), ("What IPv6 address", "none"),
            ("over the network? (yes/no) [default=no]: ", ""), ("updated automatically?", "no"),
            ("preseed to be printed? (yes/no) [default=no]: ", "yes"),
        ] {
            _ = try await pty.shows(question)
            try pty.type("\(answer)\n")
        }
        _ = try await pty.shows("pool: two")
        #expect(try await pty.end() == 0)
        await pty.close()
        #expect(try await pools.map(\.name) == ["two"])
        #expect(try await managed.map(\.name) == [bridge])
        #expect(try await defaultProfile.devices["eth0"]?["network"] == bridge)
        #expect(try await client.call(API.server.get).config?["images.auto_update_interval"] == "0")
    }
}
