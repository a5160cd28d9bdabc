import ArgumentParser
import LexAPI

/// The daemon's command line.
@main
struct Lexd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lexd", abstract: "Run whole Linux systems in containers, managed over REST.",
        discussion: """
            Without a subcommand the daemon itself runs, in the foreground. It keeps everything below LEXD_DIR, \
            \(DaemonSettings.standardDirectory) when that is not set.
            """,
        version: Release.version, subcommands: [Run.self, Init.self, WaitReady.self, Shutdown.self],
        defaultSubcommand: Run.self)
}
