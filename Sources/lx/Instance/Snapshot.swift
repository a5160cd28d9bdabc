import ArgumentParser
import LexAPI
import LexClient

/// `lx snapshot`
struct Snapshot: Command {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Keep what an instance is now, to go back to it.",
        discussion: """
            An instance that runs stands still for the moment it takes.

              lx snapshot web before-upgrade
              lx restore web before-upgrade
            """)

    @Flag(help: "Keep it for ever, whatever the instance's configuration says.")
    var noExpiry = false
    @Flag(help: "When there is a snapshot of that name, delete it first.")
    var reuse = false
    @Flag(help: "Keep the memory of the instance as well.")
    var stateful = false
    @Argument(help: "The instance.", completion: Names.instances)
    var instance: String
    @Argument(help: "The name of the snapshot; one after the instance's pattern when not given.")
    var snapshot: String = ""
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withServer(of: instance) { client, name in
            if reuse, !snapshot.isEmpty { try await deleteOld(client, name) }
            try await global.run(
                client, saying: "Making a snapshot of \(name)", API.instances.createSnapshot, path: ["name": name],
                body: .init(name: snapshot, stateful: stateful, expiresAt: noExpiry ? .never : nil))
        }
    }

    private func deleteOld(_ client: Client, _ name: String) async throws {
        do {
            try await global.run(
                client, saying: "Deleting the snapshot \(snapshot)", API.instances.deleteSnapshot,
                path: ["name": name, "snapshot": snapshot])
        } catch let error as APIError where error.status == 404 {
            // There was none.
        }
    }
}
