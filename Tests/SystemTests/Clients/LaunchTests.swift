import FoundationEssentials
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// What a person types first, with both clients.
    @Suite struct LaunchAndList {
        @Test(arguments: ClientProgram.allCases)
        func theLifeOfAnInstance(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                #expect(try await client("launch", "busybox", "c1") == "Creating c1\nStarting c1\n")
                #expect(try await client("init", "busybox", "c2") == "Creating c2\n")
                #expect(try await client("list", "-c", "ns", "-f", "csv") == "c1,RUNNING\nc2,STOPPED\n")

                let again = try await client.run("launch", "busybox", "c1")
                #expect(again.errors.contains("Error: Instance \"c1\" already exists"))
                #expect(again.status == 1)
                let noImage = try await client.run("launch", "nothing", "c3")
                #expect(noImage.errors.contains("not found"))
                #expect(noImage.status == 1)
                let badName = try await client.run("launch", "busybox", "bad_name")
                #expect(badName.errors.contains("Name can only contain alphanumeric and hyphen characters"))

                try await client("start", "c2")
                try await client("pause", "c1")
                #expect(try await client("list", "-c", "ns", "-f", "csv") == "c1,FROZEN\nc2,RUNNING\n")
                try await client("start", "c1")
                #expect(try await client("list", "-c", "ns", "-f", "csv") == "c1,RUNNING\nc2,RUNNING\n")
                let before = try await daemon.initProcess("c1")
                try await client("restart", "c1")
                #expect(try await daemon.initProcess("c1") != before)
                try await client("stop", "c1")
                try await client("stop", "c2", "--force")
                #expect(try await client("list", "-c", "ns", "-f", "csv") == "c1,STOPPED\nc2,STOPPED\n")
                let stopped = try await client.run("stop", "c1")
                #expect(stopped.errors.contains("already stopped"))
                #expect(stopped.status == 1)

                try await client("start", "c1")
                let running = try await client.run("delete", "c1")
                #expect(running.errors.contains("running"))
                #expect(running.status == 1)
                try await client("delete", "--force", "c1", "c2")
                #expect(try await client("list", "-c", "ns", "-f", "csv") == "")
                let gone = try await client.run("start", "c1")
                #expect(gone.errors.contains("not found"))
                #expect(gone.status == 1)
            }
        }

        /// Each of them says why, and the last line is about all.
        @Test(arguments: ClientProgram.allCases)
        func whatFailsForSomeIsSaidInTheEnd(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                try await daemon.create("c1")
                for verb in ["start", "stop", "restart", "pause"] {
                    let said = try await client.run(verb, "nobody", "nothing")
                    #expect(said.status == 1)
                    let lines = said.errors.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
                    #expect(lines.last == "Error: Some instances failed to \(verb)")
                    #expect(
                        Set(lines.dropLast()) == [
                            "nobody: error: Instance not found", "nothing: error: Instance not found",
                        ])
                }
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func namesAndOptionsAtLaunch(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                let client = daemon.program(name)
                let said = try await client(
                    "launch", "busybox", "-c", "user.k=v", "-e", "-d", "eth0,hwaddr=00:16:3e:aa:bb:cc")
                let words = try #require(said.split(separator: "\n").first { $0.contains("Instance name is: ") })
                let chosen = String(words.split(separator: " ").last ?? "")
                #expect(!chosen.isEmpty)
                let instance = try await daemon.instance(chosen)
                #expect(instance.config["user.k"] == "v")
                #expect(instance.ephemeral)
                #expect(instance.expandedDevices["eth0"]?["hwaddr"] == "00:16:3e:aa:bb:cc")
                #expect(try await daemon.shell(chosen, "cat /sys/class/net/eth0/address") == "00:16:3e:aa:bb:cc")

                try await client("init", "--empty", "void", "--no-profiles", "-s", "default")
                let void = try await daemon.instance("void")
                #expect(void.profiles == [])
                #expect(void.expandedDevices == ["root": ["type": "disk", "path": "/", "pool": "default"]])
                // What is wrong is said before anything is made.
                let wrong = try await client.run("launch", "busybox", "c9", "-c", "no.such.key=1")
                #expect(wrong.errors.contains("Unknown configuration key: no.such.key"))
                #expect(wrong.status == 1)
                let noProfile = try await client.run("launch", "busybox", "c9", "-p", "nothing")
                #expect(noProfile.errors.contains("Requested profile \"nothing\" doesn't exist"))
                #expect(try await client("list", "-f", "csv", "-c", "n", "c9") == "")
            }
        }

        /// Both clients show the same, to the letter.
        @Test func listsInEveryFormat() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("web", config: ["user.role": "front"])
                try await daemon.create("db", config: ["user.role": "back", "limits.memory": "64MiB"])
                try await daemon.create("cache", ephemeral: true)
                try await eventually("an address") {
                    try await daemon.state("web").network?["eth0"]?.addresses.contains { $0.family == "inet" } == true
                }
                try await daemon.changeState("web", "freeze")
                let columns = "nsatSPdflb,user.role:PART,config:limits.memory,volatile.eth0.hwaddr:MAC"
                for format in ["csv", "table", "compact"] {
                    for shown in ["ns", columns, "n4,devices:eth0.network:NET:5"] {
                        let stock = try await daemon.lxc("list", "--format", format, "-c", shown)
                        let ours = try await daemon.lx("list", "--format", format, "-c", shown)
                        #expect(ours == stock)
                        #expect(stock.contains("web"))
                    }
                }
                #expect(
                    try await daemon.lx("list", "-f", "csv", "-c", "ns,user.role")
                        == "cache,STOPPED,\ndb,STOPPED,back\nweb,FROZEN,front\n")
                func json(_ text: String) throws -> JSONValue {
                    try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
                }
                // The kernel gives an interface its IPv6 addresses while they look, also that of a frozen instance.
                var (ours, stock) = (JSONValue.null, JSONValue.null)
                try await eventually("both see the same") {
                    ours = try json(await daemon.lx("list", "--format", "json")).steady
                    stock = try json(await daemon.lxc("list", "--format", "json")).steady
                    return ours == stock
                }
                #expect(ours.elements?.count == 3)
                let yaml = try await daemon.lx("list", "--format", "yaml")
                #expect(yaml.contains("name: web"))
                #expect(try await daemon.lxc.run("list", "--format", "nonsense").status == 1)
                #expect(try await daemon.lx.run("list", "--format", "nonsense").status != 0)
            }
        }

        @Test func filters() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("web1", config: ["user.role": "front"])
                try await daemon.create("web2", config: ["user.role": "front", "limits.cpu": "1"])
                try await daemon.create("db1", config: ["user.role": "back"])
                let wanted: [([String], String)] = [
                    (["web"], "web1\nweb2\n"), (["^web1$"], "web1\n"), (["user.role=back"], "db1\n"),
                    (["user.role=front", "status=stopped"], "web2\n"), (["status=running"], "web1\n"),
                    (["type=container"], "db1\nweb1\nweb2\n"), (["limits.cpu=1"], "web2\n"),
                    (["architecture=x86_64"], "db1\nweb1\nweb2\n"), (["nobody"], ""),
                    (["user.role=.*ro.*"], "web1\nweb2\n"),
                ]
                for (filter, names) in wanted {
                    for client in ClientProgram.allCases {
                        let output = try await daemon.program(client).run(["list", "-c", "n", "-f", "csv"] + filter)
                        #expect(output.text == names, "\(client) list \(filter)")
                    }
                }
                // The server's own filter.
                let queries: [(String, [String])] = [
                    ("name eq db1", ["db1"]), ("name ne db1", ["web1", "web2"]), ("status eq Running", ["web1"]),
                    ("config.user.role eq front and status eq Stopped", ["web2"]),
                    ("name eq db1 or name eq web1", ["db1", "web1"]), ("not name eq db1", ["web1", "web2"]),
                    ("name eq web.*", ["web1", "web2"]), ("", ["db1", "web1", "web2"]),
                ]
                for (filter, names) in queries {
                    let list = try await daemon.client.call(
                        API.instances.list, as: [Instance].self, query: ["recursion": "1", "filter": filter])
                    #expect(list.map(\.name) == names, "\(filter)")
                }
                for bad in ["name", "name eq", "name xx db1", "name eq db1 and", "name eq \"db1"] {
                    let escaped = bad.split(separator: " ").joined(separator: "%20")
                    #expect(
                        try await daemon.client.raw(.get, "/1.0/instances?filter=\(escaped)").status == 400, "\(bad)")
                }
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func info(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let lease = try await eventually("an address") {
                    try await daemon.state("c1").network?["eth0"]?.addresses.first { $0.family == "inet" }?.address
                }
                let client = daemon.program(name)
                let shown = try await client("info", "c1")
                let process = try await daemon.initProcess("c1")
                for line in [
                    "Name: c1", "Status: RUNNING", "Type: container", "Architecture: x86_64", "PID: \(process)",
                    "Resources:", "  Processes: ", "  Memory usage:", "  Network usage:", "    eth0:",
                    "        inet:  \(lease)/24 (global)", "    lo:",
                ] { #expect(shown.contains(line), "\(line)") }
                let log = try await client("info", "c1", "--show-log")
                #expect(log.contains("Log:"))
                let server = try await client("info")
                #expect(server.contains("server: lexd"))
                #expect(server.contains("api_version: \"1.0\""))
                #expect(try await client.run("info", "nobody").status == 1)
            }
        }
    }
}

extension JSONValue {
    /// The value without what differs from one moment to the next: what an instance uses.
    var steady: JSONValue {
        switch self {
        case .array(let elements): .array(elements.map(\.steady))
        case .object(let members):
            .object(
                members.filter { !["cpu", "memory", "counters", "processes", "disk"].contains($0.key) }
                    .mapValues(\.steady))
        default: self
        }
    }
}
