import Glibc
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// The console: what was said on it, and those who sit at it.
    @Suite struct ConsoleTests {
        @Test func whatWasSaidIsKept() async throws {
            try await withDaemon { try await $0.checkConsoleLog() }
        }

        @Test(arguments: ClientProgram.allCases)
        func aLogin(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.checkLogin(name) }
        }

        @Test func severalAtOneConsole() async throws {
            try await withDaemon { try await $0.checkSeveral() }
        }

        @Test func lexdComesAndGoes() async throws {
            try await withDaemon { try await $0.checkConsoleOverRestarts() }
        }

        @Test(arguments: ClientProgram.allCases)
        func theEndOfTheInstanceIsTheEndOfTheConsole(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let pty = try Pty(daemon.program(name), ["console", "c1"])
                do {
                    try await pty.shows("To detach")
                    try await daemon.says("up", on: "c1", seenBy: pty)
                    try await daemon.stop("c1", force: true)
                    #expect(try await pty.end() == 0)
                } catch {
                    await pty.close()
                    throw error
                }
            }
        }

        @Test func whatIsNotServed() async throws {
            try await withDaemon { daemon in
                func refusal(_ name: String, _ wish: Instance.Console = Instance.Console()) async -> APIError? {
                    do {
                        _ = try await daemon.client.start(API.instances.console, path: ["name": name], body: wish)
                        return nil
                    } catch { return error as? APIError }
                }
                #expect(await refusal("none")?.status == 404)
                try await daemon.create("c1")
                #expect(await refusal("c1") == .badRequest("Instance is not running"))
                #expect(try await daemon.client.raw(.get, "/1.0/instances/c1/console").status == 404)
                #expect(try await daemon.client.raw(.delete, "/1.0/instances/c1/console").status == 404)
                try await daemon.start("c1")
                let vga = await refusal("c1", Instance.Console(type: "vga"))
                #expect(vga?.status == 400 && vga?.message.contains("only supported by virtual machines") == true)
                #expect(await refusal("c1", Instance.Console(type: "x")) == .badRequest("Unknown console type \"x\""))
                try await daemon.changeState("c1", "freeze")
                #expect(await refusal("c1") == .badRequest("Instance is frozen"))
                for program in ClientProgram.allCases {
                    let output = try await daemon.program(program).run("console", "c1", "--type", "vga")
                    #expect(output.status == 1 && output.errors.contains("Error: "), "\(output)")
                }
            }
        }
    }
}

extension DaemonFixture {
    fileprivate func console(_ name: String) async throws -> String {
        let answer = try await client.raw(.get, "/1.0/instances/\(name)/console")
        guard answer.status == 200 else { throw NotInTime("a console log: \(answer.status)", .zero) }
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// Lets the instance say something until somebody at its console has seen it: they may still be on their way.
    fileprivate func says(_ text: String, on name: String, seenBy pty: Pty) async throws {
        try await eventually("\(text) on the terminal") {
            try await shell(name, "echo \(text) > /dev/console")
            return pty.text.contains(text)
        }
    }

    fileprivate func checkConsoleLog() async throws {
        try await launch("c1")
        #expect(try await console("c1") == "")
        try await shell("c1", "echo one > /dev/console; echo two > /dev/console")
        try await eventually("the log") { try await console("c1") == "one\r\ntwo\r\n" }
        #expect(try await lx("console", "c1", "--show-log") == "\nConsole log:\n\none\r\ntwo\r\n\n")
        #expect(try await lxc("console", "c1", "--show-log") == "\nConsole log:\n\none\r\ntwo\r\n\n")

        try await client.call(API.instances.clearConsoleLog, path: ["name": "c1"])
        #expect(try await console("c1") == "")
        // More than is kept: the end of it stays, and the instance never waits.
        try await shell("c1", "i=0; while [ $i -lt 40000 ]; do echo line$i; i=$((i+1)); done > /dev/console")
        try await eventually("the last line") { try await console("c1").hasSuffix("line39999\r\n") }
        let kept = try await console("c1")
        #expect(kept.utf8.count == 128 << 10)

        try await stop("c1", force: true)
        #expect(try await console("c1") == kept)
        try await stop()
        try await start()
        #expect(try await console("c1") == kept)
        try await client.call(API.instances.clearConsoleLog, path: ["name": "c1"])
        #expect(try await console("c1") == "")
        try await shellSaysAtStart("c1")
        #expect(try await disagreements() == [])
    }

    /// A new run begins a new log.
    private func shellSaysAtStart(_ name: String) async throws {
        try await start(name)
        try await shell(name, "echo again > /dev/console")
        try await eventually("the new log") { try await console(name) == "again\r\n" }
    }

    /// Lets a login wait on the console, as an image's init does.
    fileprivate func offerLogin(_ name: String) async throws {
        try await shell(
            name,
            "sed -i 's/^root:x:/root::/' /etc/passwd; "
                + "(while true; do setsid getty 38400 console xterm; done) </dev/null >/dev/null 2>&1 &")
    }

    /// Types the two keys one by one, as a person does: the stock client takes no two that come at once.
    private func leave(_ pty: Pty) async throws -> Int32 {
        var keys = ["q", "\u{1}"]
        try await eventually("the client leaves") {
            keys.swapAt(0, 1)
            if pty.child.hasEnded { return true }
            try pty.type(keys[0])
            return false
        }
        return try await pty.end()
    }

    fileprivate func checkLogin(_ program: ClientProgram) async throws {
        try await launch("c1")
        try await offerLogin("c1")
        let pty = try Pty(self.program(program), ["console", "c1"], rows: 31, columns: 97)
        do {
            try await pty.shows("press: <ctrl>+a q")
            try await eventually("a login") {
                try pty.type("\n")
                return pty.text.contains("login: ")
            }
            try pty.type("root\n")
            try await pty.shows("# ")
            try pty.type("tty; stty size; echo at=$((6*7))\n")
            try await pty.shows("/dev/console")
            try await pty.shows("31 97")
            try await pty.shows("at=42")
            // As login(1) of a full system does; it refuses to go on without.
            try pty.type("chown 1000:5 /dev/console && chown 0:5 /dev/console && echo given=$((6*7))\n")
            try await pty.shows("given=42")
            pty.resize(rows: 44, columns: 133)
            try await eventually("the new size inside") {
                try pty.type("stty size\n")
                return pty.text.contains("44 133")
            }
            // Ctrl-C goes to what runs inside.
            try pty.type("echo wait; sleep 54321; echo after=$?\n")
            try await eventually("sleep runs") { try runs("sleep 54321", in: "c1") }
            try pty.type("\u{3}")
            try await eventually("sleep is gone") { try !runs("sleep 54321", in: "c1") }
            try pty.type("here=remembered\n")
            #expect(try await leave(pty) == 0)
        } catch {
            await pty.close()
            throw error
        }
        // The shell is still there for who comes back.
        let again = try Pty(self.program(program), ["console", "c1"])
        do {
            try await again.shows("press: <ctrl>+a q")
            try await eventually("the same shell") {
                try again.type("echo $here\n")
                return again.text.contains("remembered\r\n")
            }
            #expect(try await leave(again) == 0)
        } catch {
            await again.close()
            throw error
        }
    }

    fileprivate func checkSeveral() async throws {
        try await launch("c1")
        try await offerLogin("c1")
        let first = try Pty(lx, ["console", "c1"])
        let second = try Pty(lxc, ["console", "c1"])
        do {
            try await first.shows("press: <ctrl>+a q")
            try await second.shows("press: <ctrl>+a q")
            try await says("both-are-there", on: "c1", seenBy: first)
            try await says("both-are-there", on: "c1", seenBy: second)
            try await eventually("a login") {
                try first.type("\n")
                return first.text.contains("login: ")
            }
            try second.type("root\n")
            try await first.shows("# ")
            try first.type("echo first=$((20+1))\n")
            try await second.shows("first=21")
            try second.type("echo second=$((20+2))\n")
            try await first.shows("second=22")
            // One who stands still holds nobody up for long.
            try second.child.signal(SIGSTOP)
            try first.type("i=0; while [ $i -lt 40000 ]; do echo line$i; i=$((i+1)); done; echo done=$((1+1))\n")
            try await first.shows("done=2", within: .seconds(60))
            try second.child.signal(SIGCONT)
            try second.type("echo second=$((20+3))\n")
            try await first.shows("second=23")
            // One who insists is alone then.
            try await client.console(
                "c1", Instance.Console(force: true), input: nil, output: .discard,
                events: AsyncStream { $0.yield(.leave) })
            #expect(try await first.end() == 0)
            #expect(try await second.end() == 0)
        } catch {
            await first.close()
            await second.close()
            throw error
        }
    }

    fileprivate func checkConsoleOverRestarts() async throws {
        try await launch("c1")
        let process = try await initProcess("c1")
        try await shell(
            "c1", "(i=0; while true; do i=$((i+1)); echo tick$i >/dev/console; sleep 0.02; done) >/dev/null 2>&1 &")
        for ends in [true, false] {
            let pty = try Pty(lx, ["console", "c1"])
            do {
                try await eventually("some ticks") { last(of: pty.text) > 5 }
                if ends { try await stop() } else { try await kill() }
                _ = try await pty.end()
            } catch {
                await pty.close()
                throw error
            }
            // It says on meanwhile.
            let before = last(of: pty.text)
            try await start()
            try await eventually("it has said more") { last(of: try await console("c1")) > before + 5 }
            // Not one is missing.
            let ticks = try await console("c1").split(separator: "\r\n").compactMap { Int($0.dropFirst(4)) }
            #expect(zip(ticks, ticks.dropFirst()).allSatisfy { $1 == $0 + 1 })
            #expect(ticks.contains(before))
        }
        let pty = try Pty(lx, ["console", "c1"])
        do {
            try await pty.shows("tick")
            try pty.type("\u{1}q")
            #expect(try await pty.end() == 0)
        } catch {
            await pty.close()
            throw error
        }
        #expect(try await initProcess("c1") == process)
        #expect(try await disagreements() == [])
    }

    private func last(of text: String) -> Int {
        let ticks = text.split(separator: "\r\n").filter { $0.hasPrefix("tick") }.compactMap { Int($0.dropFirst(4)) }
        return ticks.dropLast().last ?? 0
    }
}
