import LexHost
import LexTestKit
import Testing

/// What `scripts/strangers` installs.
enum StrangerPrograms {
    /// Where it lies; nil where it cannot be installed. Who asks first waits for that.
    static var directory: String? {
        get async {
            let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
            let answer = try? await Program("\(root)/scripts/strangers").run(within: .seconds(600))
            return answer?.status == 0 ? answer?.text.filter { $0 != "\n" } : nil
        }
    }
}

extension SystemTests {
    /// Programs of other people, which know nothing of lexd, as they come from PyPI.
    ///
    /// Without PyPI, and not installed before, they are left out.
    @Suite(.enabled("scripts/strangers cannot install them") { await StrangerPrograms.directory != nil })
    struct Strangers {
        private static let directory = String(#filePath.dropLast("StrangerTests.swift".count))

        @Test func pylxd() async throws {
            let programs = try #require(await StrangerPrograms.directory)
            try await withDaemon { daemon in
                try makeDirectories(daemon.path("scratch"))
                let python = Program("\(programs)/python", environment: ["LXD_DIR": daemon.directory])
                try await python("-W", "ignore", Self.directory + "pylxd_client.py", daemon.path("scratch"))
                #expect(try await daemon.disagreements() == [])
            }
        }

        @Test func ansible() async throws {
            let programs = try #require(await StrangerPrograms.directory)
            try await withDaemon { daemon in
                let ansible = Program(
                    "\(programs)/ansible-playbook",
                    environment: [
                        "LXD_DIR": daemon.directory, "HOME": daemon.path("home"), "ANSIBLE_NOCOLOR": "1",
                        "ANSIBLE_LOCALHOST_WARNING": "false",
                    ])
                try await ansible(
                    "-i", "localhost,", "-e", "ansible_python_interpreter=\(programs)/python", "-e",
                    "url=unix:\(daemon.directory)/unix.socket", Self.directory + "playbook.yml")
                #expect(try await daemon.disagreements() == [])
            }
        }
    }
}
