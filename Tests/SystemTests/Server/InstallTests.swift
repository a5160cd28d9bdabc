import Glibc
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// What `make install` puts where, and what `make uninstall` leaves.
    @Suite struct Installing {
        /// The source tree these tests were built from.
        private static let tree = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()

        private static func make(_ target: String, _ directory: String) async throws {
            try await Program("make")(
                "-C", tree, "--no-print-directory", target, "DESTDIR=\(directory)", "PREFIX=/usr",
                "CONFIGURATION=debug",
                within: .seconds(300))
        }

        @Test func whatIsInstalledIsWholeAndGoesAway() async throws {
            try await withTemporaryDirectory { directory in
                try await Self.make("install", directory)
                for file in [
                    "sbin/lexd", "bin/lx", "libexec/lexd/lexd-runtime", "libexec/lexd/lexd-archive",
                    "libexec/lexd/prepare-host", "libexec/lexd/sweep", "libexec/lexd/uninstall",
                ] { #expect(access("\(directory)/usr/\(file)", X_OK) == 0, "\(file)") }
                for file in [
                    "/etc/default/lexd", "/usr/lib/systemd/system/lexd.service", "/usr/lib/sysusers.d/lexd.conf",
                    "/usr/lib/tmpfiles.d/lexd.conf", "/usr/share/lexd/recipes/debian/12.yaml",
                    "/usr/share/doc/lexd/README.md", "/usr/share/man/man8/lexd.8.gz", "/usr/share/man/man1/lx.1.gz",
                    "/usr/share/man/man1/lx-launch.1.gz", "/usr/share/bash-completion/completions/lx",
                    "/usr/share/bash-completion/completions/lexd", "/usr/share/zsh/vendor-completions/_lx",
                    "/usr/share/fish/vendor_completions.d/lx.fish",
                ] { #expect(access(directory + file, R_OK) == 0, "\(file)") }
                // Everything that lies there is in the list that uninstall goes by, but for what people write in.
                let listed = try readFile("\(directory)/usr/libexec/lexd/files").split(separator: "\n").map(String.init)
                let found = try await Self.files(directory)
                #expect(Set(found) == Set(listed).union(["/etc/default/lexd"]))

                let page = try await Program("gzip")("-dc", "\(directory)/usr/share/man/man1/lx-launch.1.gz")
                #expect(page.contains("\\fB\\-\\-console\\fR[=\\fItype\\fR]"))
                #expect(page.contains(".SH SYNOPSIS"))
                try await Self.expectCompletions("\(directory)/usr/share/bash-completion/completions/lx")

                try await Self.make("uninstall", directory)
                #expect(try await Self.files(directory) == ["/etc/default/lexd"])
                #expect(access("\(directory)/usr", F_OK) != 0)
            }
        }

        /// The files and links below a directory, by their paths in it.
        private static func files(_ directory: String) async throws -> [String] {
            try await Program("find")(directory, "!", "-type", "d", "-printf", "/%P\\n")
                .split(separator: "\n").map(String.init).sorted()
        }

        /// A bash that reads them offers the commands, and the options of one.
        private static func expectCompletions(_ file: String) async throws {
            for (line, offered) in [
                ("lx la", "launch"), ("lx config dev", "device"), ("lx launch --no-p", "--no-profiles"),
            ] {
                let words = line.split(separator: " ")
                let said = try await Program("bash")(
                    "--norc", "-c",
                    """
                    source '\(file)' && complete -p lx >/dev/null
                    COMP_LINE='\(line)' COMP_POINT=\(line.utf8.count) COMP_WORDS=(\(line)) COMP_CWORD=\(words.count - 1)
                    _lx lx '\(words.last ?? "")' '\(words.dropLast().last ?? "")'
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """)
                #expect(said.split(separator: "\n").contains { $0.hasPrefix(offered) }, "\(line): \(said)")
            }
        }
    }
}
