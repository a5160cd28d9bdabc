import Glibc
import LexAPI
import LexClient
import LexTestKit
import Testing

extension SystemTests {
    /// What shells are told to offer in the place of a name.
    @Suite struct Completions {
        @Test func namesAreThoseOfTheThingsThereAre() async throws {
            try await withDaemon { daemon in
                let lx = daemon.program(.lx)
                try await daemon.create("c1")
                try await daemon.create("c10")
                try await daemon.create("c2")
                try await lx("profile", "create", "small")
                try await lx("project", "create", "blue")
                let fingerprint = try await lx("image", "list", "-f", "csv", "-c", "F").filter { !$0.isNewline }
                try await lx("image", "alias", "create", "a/b", fingerprint)
                let network = try await daemon.network()
                for (place, words, offered) in [
                    (["start"], ["lx", "start", ""], ["c1", "c2", "c10"]),
                    (["start"], ["lx", "start", "c1", ""], ["c1", "c2", "c10"]),
                    (["config", "device", "list"], ["lx", "config", "device", "list", ""], ["c1", "c2", "c10"]),
                    (["launch"], ["lx", "launch", ""], ["a/b", "busybox"]),
                    (["image", "show"], ["lx", "image", "show", ""], ["a/b", "busybox"]),
                    (["profile", "show"], ["lx", "profile", "show", ""], ["default", "small"]),
                    (["project", "show"], ["lx", "project", "show", ""], ["blue", "default"]),
                    (["storage", "show"], ["lx", "storage", "show", ""], ["default"]),
                    // Another project has other instances.
                    (["start"], ["lx", "--project", "blue", "start", ""], []),
                    (["start"], ["lx", "start", "--project=default", ""], ["c1", "c2", "c10"]),
                ] {
                    let said = try await Self.offered(lx, place, "positional@0", words)
                    #expect(said == offered, "\(words)")
                }
                #expect(try await Self.offered(lx, ["network", "show"], "positional@0", ["lx", ""]).contains(network))
                #expect(
                    try await Self.offered(lx, ["launch"], "--profile", ["lx", "launch", "x", "--profile", ""])
                        == ["default", "small"])
            }
        }

        /// A daemon that hangs holds nobody up who presses the key.
        @Test func ofADaemonThatHangsThereAreNone() async throws {
            try await withDaemon(.withoutImage) { daemon in
                let process = try #require(daemon.daemonProcess?.id)
                kill(process, SIGSTOP)
                defer { kill(process, SIGCONT) }
                let began = ContinuousClock.now
                let words = ["lx", "profile", "show", ""]
                #expect(try await Self.offered(daemon.program(.lx), ["profile", "show"], "positional@0", words) == [])
                #expect(ContinuousClock.now - began < .seconds(10))
            }
        }

        /// Nobody waits, and nothing is said, where there is no daemon.
        @Test func withoutADaemonThereAreNone() async throws {
            try await withTemporaryDirectory { directory in
                let built = DaemonFixture.programs
                let lx = Program("\(built)/lx", environment: ["LEXD_DIR": directory, "HOME": directory])
                let began = ContinuousClock.now
                let said = try await lx.run([
                    "---completion", "start", "--", "positional@0", "2", "0", "lx", "start", "",
                ])
                #expect(said.status == 0 && said.text.allSatisfy(\.isWhitespace) && said.errors.isEmpty, "\(said)")
                #expect(ContinuousClock.now - began < .seconds(10))
            }
        }

        /// What a person types, with the keys pressed, in a bash that has read the script.
        @Test func bashOffersThem() async throws {
            try await withDaemon { daemon in
                let lx = daemon.program(.lx)
                try await daemon.create("c1")
                try await daemon.create("c2")
                let script = try daemon.file(
                    "lx.bash", Array(try await lx("--generate-completion-script", "bash").utf8))
                let said = try await Program("bash", environment: lx.environment)(
                    "--norc", "-c",
                    """
                    source '\(script)'
                    COMP_LINE='\(lx.path) start c' COMP_POINT=${#COMP_LINE} COMP_WORDS=('\(lx.path)' start c) COMP_CWORD=2
                    COMP_POINT=${#COMP_LINE}
                    _lx lx c start
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """)
                #expect(said.split(separator: "\n").map { $0.filter { $0 != " " } } == ["c1", "c2"], "\(said)")
            }
        }

        /// What the scripts for bash, zsh and fish call.
        private static func offered(
            _ lx: Program, _ command: [String], _ argument: String, _ words: [String]
        ) async throws -> [String] {
            let output = try await lx.run(
                ["---completion"] + command + ["--", argument, String(words.count - 1), "0"] + words)
            #expect(output.status == 0 && output.errors.isEmpty, "\(output)")
            return output.text.split(separator: "\n").map(String.init)
        }
    }
}
