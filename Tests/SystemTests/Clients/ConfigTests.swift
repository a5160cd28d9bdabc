import Glibc
import LexAPI
import LexClient
import LexHost
import LexTestKit
import Testing

extension SystemTests {
    /// Configuration of an instance, with both clients.
    @Suite struct Configuration {
        @Test(arguments: ClientProgram.allCases)
        func setGetUnsetShow(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1")
                let client = daemon.program(name)
                try await client("config", "set", "c1", "user.one", "first value")
                try await client("config", "set", "c1", "user.two=2", "limits.memory=128MiB")
                #expect(try await client("config", "get", "c1", "user.one") == "first value\n")
                #expect(try await client("config", "get", "c1", "user.none") == "\n")
                #expect(try await client("config", "get", "c1", "limits.memory") == "128MiB\n")
                try await client("config", "unset", "c1", "user.two")
                #expect(try await client("config", "get", "c1", "user.two") == "\n")
                let shown = try await client("config", "show", "c1")
                #expect(shown.contains("  user.one: first value\n"))
                #expect(shown.contains("  limits.memory: 128MiB\n"))
                #expect(!shown.contains("  root:"))
                let expanded = try await client("config", "show", "c1", "--expanded")
                #expect(expanded.contains("  root:\n    path: /\n    pool: default\n    type: disk\n"))
                // Both say it in the same words.
                #expect(try await daemon.lx("config", "show", "c1") == daemon.lxc("config", "show", "c1"))

                try await client("config", "device", "add", "c1", "eth1", "nic", "network=\(daemon.network())")
                #expect(try await client("config", "device", "list", "c1") == "eth1\n")
                #expect(try await client("config", "device", "get", "c1", "eth1", "type") == "nic\n")
                try await client("config", "device", "set", "c1", "eth1", "name=lan0")
                try await client("config", "device", "override", "c1", "eth0", "hwaddr=00:16:3e:00:00:01")
                try await daemon.start("c1")
                let links = try await daemon.shell("c1", "cd /sys/class/net; echo *; cat eth0/address")
                #expect(links == "eth0 lan0 lo\n00:16:3e:00:00:01")
                try await daemon.stop("c1")
                try await client("config", "device", "remove", "c1", "eth1")
                #expect(try await client("config", "device", "list", "c1") == "eth0\n")
                #expect(try await daemon.instance("c1").config["volatile.eth1.hwaddr"] == nil)
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func edit(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1", config: ["user.a": "1"])
                let client = daemon.program(name)
                // From a file.
                let shown = try await client("config", "show", "c1")
                let changed = shown.split(separator: "\n", omittingEmptySubsequences: false)
                    .map { $0 == "  user.a: \"1\"" ? "  user.a: \"2\"\n  user.b: new" : String($0) }
                try await client("config", "edit", "c1", input: .text(changed.joined(separator: "\n")))
                #expect(try await client("config", "get", "c1", "user.a") == "2\n")
                #expect(try await client("config", "get", "c1", "user.b") == "new\n")
                // In an editor, on a terminal.
                let editor = try daemon.file(
                    "editor", Array("#!/bin/sh\nsed -i 's/user.b: new/user.b: newer/' \"$1\"\n".utf8))
                #expect(chmod(editor, 0o755) == 0)
                let program = Program(
                    client.path, environment: client.environment.merging(["EDITOR": editor, "VISUAL": editor]) { $1 })
                let pty = try Pty(program, ["config", "edit", "c1"])
                #expect(try await pty.end() == 0, "\(pty.text)")
                #expect(try await client("config", "get", "c1", "user.b") == "newer\n")
                let broken = try await client.run("config", "edit", "c1", input: .text("config: [\n"))
                #expect(broken.status == 1)
                #expect(try await client("config", "get", "c1", "user.b") == "newer\n")
            }
        }

        /// Go reads null as zero, in maps as well.
        @Test func nullIsTheEmptyText() async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1", config: ["user.a": "1", "user.b": "2"])
                func send(_ method: LexAPI.Method, _ path: String, _ body: String) async throws {
                    let answer = try await daemon.client.raw(method, "/1.0/\(path)", body: Array(body.utf8))
                    #expect(
                        answer.status < 300, "\(path) \(body): \(String(decoding: answer.body, as: UTF8.self))")
                }
                try await send(.patch, "instances/c1", #"{"config":{"user.a":null}}"#)
                let instance = try await daemon.instance("c1")
                #expect(instance.config["user.a"] == nil && instance.config["user.b"] == "2")
                let device = #"{"type":"disk","source":"/srv","path":"/srv","readonly":null}"#
                try await send(
                    .post, "profiles", #"{"name":"p","config":{"user.a":null,"user.b":"2"},"devices":{"d":\#(device)}}"#
                )
                let profile = try await daemon.client.call(API.profiles.get, path: ["name": "p"])
                #expect(profile.config == ["user.b": "2"] && profile.devices["d"]?["source"] == "/srv")
                try await send(.patch, "profiles/p", #"{"config":{"user.b":null},"devices":{"d":\#(device)}}"#)
                #expect(try await daemon.client.call(API.profiles.get, path: ["name": "p"]).config == [:])
                try await send(.post, "projects", #"{"name":"q","config":{"features.images":null,"user.a":null}}"#)
                try await send(.patch, "networks/\(daemon.network())", #"{"config":{"user.a":null}}"#)
                try await send(.post, "storage-pools/default/volumes/custom", #"{"name":"v","config":{"user.a":null}}"#)
                try await send(.patch, "storage-pools/default", #"{"config":{"user.a":null}}"#)
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func whatIsWrongIsRefused(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1")
                let before = try await daemon.instance("c1")
                let client = daemon.program(name)
                for key in ["nonsense", "limits.nonsense", "volatile.nonsense", "security", "users.x", "raw.nonsense"] {
                    let output = try await client.run("config", "set", "c1", "\(key)=1")
                    #expect(output.status == 1)
                    #expect(output.errors.contains("Unknown configuration key: \(key)"), "\(output)")
                }
                for (key, value) in [
                    ("limits.memory", "much"), ("limits.memory", "-1"), ("limits.memory", "101%"), ("limits.cpu", "0"),
                    ("limits.cpu", "1-0"), ("limits.cpu", "a"), ("limits.cpu.allowance", "0%"),
                    ("limits.cpu.allowance", "10ms"), ("limits.cpu.allowance", "1ms/0ms"), ("limits.processes", "0"),
                    ("limits.processes", "many"), ("security.privileged", "maybe"), ("boot.autostart", "2"),
                    ("environment.A", "two\nlines"), ("boot.host_shutdown_timeout", "-5"), ("volatile.idmap.base", "0"),
                ] {
                    let output = try await client.run("config", "set", "c1", "\(key)=\(value)")
                    #expect(output.status == 1, "\(key)=\(value)")
                    #expect(output.errors.contains(key), "\(output)")
                }
                for device in [
                    ["eth9", "nic", "network=nothing"], ["eth9", "nic"], ["x", "nonsense"],
                    ["eth9", "nic", "network=\(try await daemon.network())", "nonsense=1"],
                    ["d", "disk", "path=/", "pool=default"], ["d", "disk", "path=/", "pool=nothing"],
                ] {
                    let output = try await client.run(["config", "device", "add", "c1"] + device)
                    #expect(output.status == 1, "\(device)")
                }
                let after = try await daemon.instance("c1")
                #expect(after.config == before.config)
                #expect(after.devices == before.devices)
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func profiles(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                try await client("profile", "create", "small")
                try await client("profile", "set", "small", "limits.memory=64MiB", "user.size=s")
                try await client("profile", "device", "add", "small", "eth1", "nic", "network=\(daemon.network())")
                #expect(try await client("profile", "get", "small", "user.size") == "s\n")
                #expect(
                    try await client("profile", "show", "small") == """
                        config:
                          limits.memory: 64MiB
                          user.size: s
                        description: ""
                        devices:
                          eth1:
                            network: \(daemon.network())
                            type: nic
                        name: small
                        used_by: []

                        """)
                try await client("launch", "busybox", "c1", "-p", "default", "-p", "small")
                #expect(try await client("profile", "list", "-f", "csv").contains("small,,1\n"))
                #expect(try await daemon.instance("c1").expandedConfig["user.size"] == "s")
                #expect(try await daemon.shell("c1", "ls /sys/class/net | tr '\\n' ' '") == "eth0 eth1 lo ")

                // A change reaches who runs with it at once.
                let memory = try daemon.cgroup("c1", "memory")
                #expect(try MemoryLimit.read(memory) == 64 << 20)
                try await client("profile", "set", "small", "limits.memory", "80MiB")
                #expect(try MemoryLimit.read(memory) == 80 << 20)
                try await client(
                    "profile", "edit", "small",
                    input: .text("config:\n  limits.memory: 96MiB\ndescription: edited\ndevices: {}\n"))
                #expect(try MemoryLimit.read(memory) == 96 << 20)
                #expect(try await daemon.instance("c1").expandedDevices["eth1"] == nil)

                let used = try await client.run("profile", "delete", "small")
                #expect(used.status == 1)
                #expect(used.errors.contains("Profile is currently in use"))
                #expect(try await client.run("profile", "set", "small", "nonsense=1").status == 1)
                #expect(try await client.run("profile", "create", "small").status == 1)
                #expect(try await client.run("profile", "delete", "default").status == 1)
                try await client("delete", "-f", "c1")
                try await client("profile", "delete", "small")
                #expect(try await client("profile", "list", "-f", "csv") == "default,Default lexd profile,0\n")
            }
        }
    }
}
