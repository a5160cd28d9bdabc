import Glibc
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// Commands in an instance, with the real clients and without a terminal.
    @Suite struct ExecCommands {
        @Test(arguments: ClientProgram.allCases)
        func streamsAndCodes(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let client = daemon.program(name)
                let both = try await client.run("exec", "c1", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
                #expect(both.text == "out\n")
                #expect(both.errors == "err\n")
                #expect(both.status == 7)

                let codes: [(command: [String], code: Int32)] = [
                    (["true"], 0), (["false"], 1), (["sh", "-c", "exit 255"], 255), (["/etc/passwd"], 126),
                    (["no-such-program"], 127), (["/no/such/path"], 127), (["sh", "-c", "kill -9 $$"], 137),
                    (["sh", "-c", "kill -TERM $$"], 143),
                ]
                for (command, code) in codes {
                    let output = try await client.run(["exec", "c1", "--"] + command)
                    #expect(output.status == code, "\(output)")
                }

                let input = try await client.run("exec", "c1", "--", "cat", input: .text("first\nlast"))
                #expect(input.text == "first\nlast")
                #expect(input.status == 0)
                // The end of the input arrives also where nothing was said before it.
                let count = try await client.run("exec", "c1", "--", "wc", "-c", input: .nothing)
                #expect(count.text == "0\n")
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func usersDirectoriesAndVariables(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1", config: ["environment.COLOUR": "green", "environment.LANG": "de"])
                let client = daemon.program(name)
                let show = "id -u; id -g; id -G; pwd; echo $COLOUR $MORE $LANG $HOME; echo $PATH"
                let plain = try await client("exec", "c1", "--", "sh", "-c", show)
                #expect(
                    plain.split(separator: "\n") == [
                        "0", "0", "0", "/root", "green de /root",
                        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    ])
                let other = try await client(
                    "exec", "c1", "--user", "1000", "--group", "1000", "--cwd", "/tmp", "--env", "MORE=it is",
                    "--env", "COLOUR=red", "--", "sh", "-c", show)
                #expect(
                    other.split(separator: "\n").prefix(5) == ["1000", "1000", "1000", "/tmp", "red it is de"])
                // A directory that is not there is no reason not to run.
                #expect(try await client("exec", "c1", "--cwd", "/none", "--", "pwd") == "/\n")
                // And the id inside is one that exists inside.
                let tooHigh = try await client.run("exec", "c1", "--user", "65536", "--", "true")
                #expect(tooHigh.status == 1)
                #expect(tooHigh.errors.contains("65535"))
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func aHundredMebibytesComeUnchanged(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.shell("c1", "dd if=/dev/urandom of=/block bs=65536 count=16 2>/dev/null")
                let all = "for i in $(seq 100); do cat /block; done"
                let sum = try await daemon.shell("c1", "(\(all)) | sha256sum")
                let output = try await daemon.program(name).run(
                    "exec", "c1", "--", "sh", "-c", all, within: .seconds(180))
                #expect(output.status == 0)
                #expect(output.errors == "")
                #expect(output.bytes.count == 100 << 20)
                let here = try await Program("sha256sum").run(input: .bytes(output.bytes))
                #expect(here.text.split(separator: " ").first == sum.split(separator: " ").first)
            }
        }

        // Without optimisation the client's masking and the daemon's unmasking take most of a second for each
        // mebibyte.
        #if DEBUG
            private static let mebibytes = 16
        #else
            private static let mebibytes = 100
        #endif

        @Test(arguments: ClientProgram.allCases)
        func muchPassesBothWaysUnchanged(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                var generator = SystemRandomNumberGenerator()
                let block = (0..<65536).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                let bytes = Array(repeatElement(block, count: Self.mebibytes * 16).joined())
                let output = try await daemon.program(name).run(
                    "exec", "c1", "--", "cat", input: .bytes(bytes), within: .seconds(180))
                #expect(output.status == 0)
                #expect(output.errors == "")
                #expect(output.bytes == bytes)
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func aCommandWhoseClientIsGoneIsKilled(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let child = try daemon.program(name).start("exec", "c1", "--", "sleep", "54321")
                try await eventually("the command runs") { try daemon.runs("sleep 54321", in: "c1") }
                try child.signal(SIGKILL)
                try await child.end()
                try await eventually("the command is gone") { try !daemon.runs("sleep 54321", in: "c1") }
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func whatACommandLeavesBehindHoldsNothingUp(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let output = try await daemon.program(name).run(
                    "exec", "c1", "--", "sh", "-c", "sleep 54321 & echo started; exit 3", within: .seconds(20))
                #expect(output.text == "started\n")
                #expect(output.status == 3)
                #expect(try daemon.runs("sleep 54321", in: "c1"))
            }
        }

        @Test func aStoppedOrFrozenInstanceTakesNoCommands() async throws {
            try await withDaemon { daemon in
                try await daemon.create("c1")
                for client in ClientProgram.allCases {
                    let output = try await daemon.program(client).run("exec", "c1", "--", "true")
                    #expect(output.status == 1)
                    #expect(output.errors.contains("Error: Instance is not running"))
                }
                try await daemon.start("c1")
                try await daemon.changeState("c1", "freeze")
                for client in ClientProgram.allCases {
                    let output = try await daemon.program(client).run("exec", "c1", "--", "true")
                    #expect(output.status == 1)
                    #expect(output.errors.contains("Error: Instance is frozen"))
                }
            }
        }
    }

    /// Commands in an instance, as programs ask for them.
    @Suite struct ExecRequests {
        @Test func outputIsRecorded() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let wish = Instance.Exec(
                    command: ["sh", "-c", "echo kept; echo wrong >&2; exit 5"], recordOutput: true)
                let operation = try #require(
                    try await daemon.client.run(API.instances.exec, path: ["name": "c1"], body: wish))
                #expect(operation.class == "task")
                #expect(operation.metadata?["return"]?.integer == 5)
                let output = try #require(operation.metadata?["output"])
                let first = try #require(output["1"]?.text)
                let second = try #require(output["2"]?.text)
                func read(_ url: String) async throws -> String {
                    let answer = try await daemon.client.raw(.get, url)
                    #expect(answer.status == 200)
                    #expect(answer.header("Content-Type") == "application/octet-stream")
                    return String(decoding: answer.body, as: UTF8.self)
                }
                #expect(try await read(first) == "kept\n")
                #expect(try await read(second) == "wrong\n")
                let logs = try await daemon.client.call(API.instances.logs, path: ["name": "c1"])
                #expect(
                    logs.contains(first) && logs.contains(second) && logs.contains("/1.0/instances/c1/logs/lxc.log"))
                #expect(try await daemon.client.raw(.delete, first).status == 200)
                #expect(try await daemon.client.raw(.get, first).status == 404)
                #expect(try await daemon.client.raw(.delete, "/1.0/instances/c1/logs/lxc.log").status == 400)
                #expect(logs.contains("/1.0/instances/c1/logs/lxc.conf"))
                #expect(try await read("/1.0/instances/c1/logs/lxc.conf").contains("\nlxc.uts.name = c1\n"))
                #expect(try await daemon.client.raw(.delete, "/1.0/instances/c1/logs/lxc.conf").status == 400)
                for name in ["..%2f..%2flexd.db", "%2e%2e", "lexd.db", "exec_..%2fx.stdout"] {
                    #expect(
                        try await daemon.client.raw(.get, "/1.0/instances/c1/logs/\(name)").status == 400, "\(name)")
                }
                // A path with a NUL is none.
                #expect(
                    try await daemon.client.raw(.get, "/1.0/instances/c1/logs/exec_.stdout%00").status == 404)
            }
        }

        @Test func commandsWithoutWebsockets() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                for (command, code, error) in [
                    (["true"], 0, ""), (["sh", "-c", "kill -9 $$"], 137, ""), (["nothing"], 127, "Command not found"),
                    (["/etc/passwd"], 126, "Command not executable"),
                ] {
                    let begun = try #require(
                        try await daemon.client.start(
                            API.instances.exec, path: ["name": "c1"], body: Instance.Exec(command: command)))
                    let end = try await daemon.client.finish(of: begun)
                    #expect(end.metadata?["return"]?.integer == Int64(code))
                    #expect(end.err == error)
                    #expect(end.status == (error.isEmpty ? "Success" : "Failure"))
                }
                for bad in [
                    Instance.Exec(command: []), Instance.Exec(command: ["a\0b"]),
                    Instance.Exec(command: ["true"], user: -1), Instance.Exec(command: ["true"], group: 65536),
                    Instance.Exec(command: ["true"], environment: ["": "x"]),
                    Instance.Exec(command: ["true"], environment: ["a=b": "x"]),
                ] {
                    let error = await #expect(throws: APIError.self) {
                        try await daemon.client.run(API.instances.exec, path: ["name": "c1"], body: bad)
                    }
                    #expect(error?.status == 400)
                }
            }
        }

        @Test func nobodyConnects() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let wish = Instance.Exec(command: ["touch", "/ran"], waitForWebsocket: true)
                let begin = ContinuousClock.now
                let begun = try #require(
                    try await daemon.client.start(API.instances.exec, path: ["name": "c1"], body: wish))
                #expect(begun.class == "websocket")
                let end = try await daemon.client.finish(of: begun)
                #expect(end.status == "Failure")
                #expect(end.err == "Timed out waiting for websockets to connect")
                #expect((.seconds(4)...(.seconds(15))).contains(begin.duration(to: .now)))
                #expect(try await daemon.exec("c1", "test", "-e", "/ran").status == 1)
            }
        }

        @Test func sixtyFourAtOnce() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let results = try await withThrowingTaskGroup(of: (Int, CommandOutput).self) { group in
                    for number in 0..<64 {
                        group.addTask {
                            let wish = Instance.Exec(
                                command: ["sh", "-c", "read line; echo \"$line $line\"; exit \(number)"])
                            let output = try await daemon.exec(
                                "c1", wish, input: .bytes(Array("line \(number)\n".utf8)))
                            return (number, output)
                        }
                    }
                    return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
                }
                for number in 0..<64 {
                    #expect(results[number]?.text == "line \(number) line \(number)\n")
                    #expect(results[number]?.status == Int32(number))
                }
            }
        }

        @Test func aCommandHasItsStreamsAndNothingElse() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                // 3 is ls's own, of the directory.
                #expect(try await daemon.shell("c1", "ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 ")
                let terminal = Instance.Exec(command: ["sh", "-c", "ls -l /proc/self/fd; tty"], interactive: true)
                let output = try await daemon.exec("c1", terminal).text
                for number in 0...2 { #expect(output.contains(" \(number) -> /dev/pts/0\r\n"), "\(output)") }
                #expect(output.hasSuffix("/dev/pts/0\r\n"), "\(output)")
                #expect(!output.contains(" 4"), "\(output)")
                // The same of the instance's init; 10 is its shell's own, of its script.
                #expect(try await daemon.shell("c1", "ls /proc/1/fd | sort -n | tr '\\n' ' '") == "0 1 2 10 ")
            }
        }

        @Test func signalsAndSizesOnTheControlSocket() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let (control, sender) = AsyncStream<Instance.ExecControl>.makeStream()
                let said = Said()
                let streams = ExecStreams(
                    output: .function { bytes in
                        said.hear(bytes)
                        // Each step follows when the one before it has shown.
                        if said.contains("ready"), said.first("size") {
                            sender.yield(.resize(width: 91, height: 37))
                        }
                        if said.contains("37 91"), said.first("signal") { sender.yield(.signal(Int(SIGUSR1))) }
                    }, control: control)
                let script = """
                    trap 'stty size' WINCH
                    trap 'echo got it; exit 9' USR1
                    echo ready
                    while true; do sleep 0.1; done
                    """
                let result = try await within(.seconds(60), "the end of the command") {
                    try await daemon.client.exec(
                        "c1", Instance.Exec(command: ["sh", "-c", script], interactive: true, width: 80, height: 25),
                        streams: streams)
                }
                #expect(result.exitCode == 9)
                #expect(said.contains("got it"))
            }
        }
    }
}
