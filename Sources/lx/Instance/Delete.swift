import ArgumentParser
import LexAPI
import LexClient

/// `lx delete`
struct Delete: Command {
    static let configuration = CommandConfiguration(
        abstract: "Delete instances and everything in them.", aliases: ["rm"])

    @Flag(name: .shortAndLong, help: "Delete instances that run as well.")
    var force = false
    @Flag(name: .shortAndLong, help: "Ask before each one.")
    var interactive = false
    @Argument(help: ArgumentHelp("The instances.", valueName: "instance"))
    var names: [String]
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        // First see that all of them are there: a mistyped name is to cost nothing.
        var found: [(Reference, Instance)] = []
        for name in names {
            let instance = try await global.withServer(of: name) { client, name in
                try await client.call(API.instances.get, path: ["name": name])
            }
            found.append((try Reference(name), instance))
        }
        for (reference, instance) in found {
            if interactive { try confirm(reference.name) }
            try await global.withServer(reference.remote) { try await delete(instance, on: $0) }
        }
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
        } catch let error as APIError where error.status == 404 && instance.ephemeral {
            // Stopping an ephemeral instance has deleted it.
        }
        global.say("Deleted \(instance.name)")
    }
}
