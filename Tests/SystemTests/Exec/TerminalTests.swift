import Glibc
import LexTestKit
import Testing

extension SystemTests {
    /// The clients on a real terminal.
    @Suite struct ExecOnATerminal {
        @Test(arguments: ClientProgram.allCases)
        func aShellWithResizeSignalAndEnd(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let pty = try Pty(daemon.program(name), ["exec", "c1", "--", "sh"], rows: 31, columns: 97)
                do {
                    try pty.type("tty; stty size; echo $TERM\n")
                    try await pty.shows("/dev/pts/0")
                    try await pty.shows("31 97")
                    try await pty.shows("xterm")

                    pty.resize(rows: 44, columns: 133)
                    try await eventually("the new size inside") {
                        try pty.type("stty size\n")
                        return pty.text.contains("44 133")
                    }
                    // Ctrl-C is the shell's and not the client's: the local terminal is raw.
                    try pty.type("echo wait; sleep 54321; echo after=$?\n")
                    try await pty.shows("wait\r\n")
                    try await eventually("sleep runs") { try daemon.runs("sleep 54321", in: "c1") }
                    try pty.type("\u{3}")
                    try await eventually("sleep is gone") { try !daemon.runs("sleep 54321", in: "c1") }
                    try pty.type("exit 42\n")
                    #expect(try await pty.end() == 42)
                } catch {
                    await pty.close()
                    throw error
                }
            }
        }

        /// What a guest mounts where its terminals come from is not opened for it by the host's root.
        @Test func aGuestThatHidesItsTerminals() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.shell("c1", "mount --bind /dev/zero /dev/pts/ptmx")
                let output = try await daemon.lx.run("exec", "-t", "c1", "--", "echo", "in")
                #expect(output.status != 0 && output.errors.contains("cannot open a terminal of c1"), "\(output)")
                // The devpts it was started with is the one that counts, seen or not.
                try await daemon.shell("c1", "umount /dev/pts/ptmx; mount -t tmpfs none /dev/pts")
                #expect(try await daemon.lx.run("exec", "-t", "c1", "--", "test", "-t", "0").status == 0)
                #expect(try await daemon.exec("c1", "true").status == 0)
            }
        }

        /// A signal that is sent to the client reaches the command.
        @Test(arguments: ClientProgram.allCases)
        func signalsOfTheClientReachTheCommand(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let script = "trap 'echo caught; exit 17' TERM; echo ready; while true; do sleep 0.1; done"
                let pty = try Pty(daemon.program(name), ["exec", "c1", "--", "sh", "-c", script])
                do {
                    try await pty.shows("ready\r\n")
                    try pty.child.signal(SIGTERM)
                    try await pty.shows("caught")
                    #expect(try await pty.end() == 17)
                } catch {
                    await pty.close()
                    throw error
                }
            }
        }

        /// A terminal that hangs up takes its command with it.
        @Test(arguments: ClientProgram.allCases)
        func aClosedTerminalEndsTheCommand(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                let pty = try Pty(daemon.program(name), ["exec", "c1", "--", "sh", "-c", "echo ready; sleep 54321"])
                do { try await pty.shows("ready\r\n") } catch {
                    await pty.close()
                    throw error
                }
                await pty.close()
                try await eventually("the command is gone") { try !daemon.runs("sleep 54321", in: "c1") }
            }
        }
    }
}
