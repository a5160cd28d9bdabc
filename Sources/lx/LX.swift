import ArgumentParser
import LexAPI

/// The root of all commands.
struct LX: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lx",
        abstract: "Look after instances: whole Linux systems in containers.",
        discussion: """
            An instance, image, profile, network or pool is named by its name, or by its remote, a colon and its name.
            There are two remotes: "local" is the server on this machine and may be left out, "template" are the \
            recipes from which it builds images.

              lx launch template:debian/12 web    make an instance named web and start it
              lx list                             see what there is
              lx exec web -- bash                 get a shell in it
              lx delete --force web               remove it
            """,
        version: Release.version,
        subcommands: [
            Launch.self, Init.self, Start.self, Stop.self, Restart.self, Pause.self, Delete.self, List.self, Info.self,
            Explain.self,
            Exec.self, Console.self, FileCommand.self, Copy.self, Move.self, Rename.self, Snapshot.self, Restore.self,
            AliasCommand.self,
            ConfigCommand.self,
            ProfileCommand.self, NetworkCommand.self, StorageCommand.self, ProjectCommand.self, ImageCommand.self,
            OperationCommand.self, RemoteCommand.self, WarningCommand.self, Monitor.self, Query.self, Version.self,
        ])
}
