import ArgumentParser
import LexAPI
import LexClient

/// `lx delete`
struct Delete: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete instances and everything in them, or snapshots.", aliases: ["rm"])

    @Flag(name: .shortAndLong, help: "Delete instances that run as well.")
    var force = false
    @Flag(name: .shortAndLong, help: "Ask before each one.")
    var interactive = false
    @Argument(help: ArgumentHelp("The instances or snapshots.", valueName: "instance"), completion: Names.instances)
    var names: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        // First see that all of them are there: a mistyped name is to cost nothing.
        var found: [(Reference, Instance?)] = []
        for name in names {
            do {
                let instance: Instance? = try await global.withServer(of: name) { client, name in
                    let path = try SnapshotPath(name)
                    guard path.snapshot != nil else { return try await client.call(API.instances.get, path: path.path) }
                    _ = try await client.call(API.instances.getSnapshot, path: path.path)
                    return nil
                }
                found.append((try Reference(name), instance))
            } catch let error as APIError where names.count > 1 {
                throw Failure("Nothing was deleted, because of \(name): \(error)")
            }
        }
        for (reference, instance) in found {
            if interactive { try confirm(reference.name) }
            try await global.withServer(reference.remote) { client in
                guard let instance else { return try await deleteSnapshot(reference.name, on: client) }
                try await delete(instance, on: client)
            }
        }
    }

    private func deleteSnapshot(_ name: String, on client: Client) async throws {
        try await global.run(
            client, saying: "Deleting \(name)", API.instances.deleteSnapshot, path: try SnapshotPath(name).path)
        global.say("Deleted \(name)")
    }

    private func confirm(_ name: String) throws {
        StandardError.write("Delete \(name)? (yes/no): ")
        guard StandardInput.line() == "yes" else { throw Failure("\(name) was not deleted: the answer was not yes") }
    }

    private func delete(_ instance: Instance, on client: Client) async throws {
        let path = ["name": instance.name]
        if instance.statusCode != StatusCode.stopped.rawValue && instance.statusCode != StatusCode.error.rawValue {
            guard force else {
                throw Failure(
                    "Cannot delete \(instance.name) while it is \(instance.status.lowercased()):"
                        + " stop it first, or say --force")
            }
            try await global.run(
                client, saying: "Stopping \(instance.name)", API.instances.changeState, path: path,
                body: .init(action: "stop", timeout: -1, force: true))
        }
        do {
            try await global.run(client, saying: "Deleting \(instance.name)", API.instances.delete, path: path)
        } catch  where instance.ephemeral {
            // Stopping an ephemeral instance deletes it: before this request, or while it was carried out.
            guard try await isGone(instance.name, client) else { throw error }
        }
        global.say("Deleted \(instance.name)")
    }

    private func isGone(_ name: String, _ client: Client) async throws -> Bool {
        do {
            _ = try await client.call(API.instances.get, path: ["name": name])
            return false
        } catch let error as APIError where error.status == 404 {
            return true
        }
    }
}
