import ArgumentParser
import LexAPI
import LexClient

/// `lx move`
struct Move: Command {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Give an instance another name, storage pool or project.",
        discussion: """
              lx move web www
              lx move web --storage fast
              lx move web www --target-project test
            """,
        aliases: ["mv"])

    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A configuration key to set there.", valueName: "key=value"))
    var config: [String] = []
    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A key of one of its devices to set there.", valueName: "device,key=value"))
    var device: [String] = []
    @Option(
        name: [.customShort("p", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: "A profile it has there, instead of its own.", completion: Names.profiles)
    var profile: [String] = []
    @Flag(help: "Take all profiles away.")
    var noProfiles = false
    @Flag(help: "Leave the snapshots behind.")
    var instanceOnly = false
    @Option(parsing: .unconditional, help: "How it is transferred between servers; on one it means nothing.")
    var mode = TransferMode.pull
    @Flag(help: "Do not mind files that change meanwhile; on one server none can.")
    var allowInconsistent = false
    @Flag(help: "Move a stateful instance without its memory state.")
    var stateless = false
    @Option(
        name: [.customShort("s", allowingJoined: true), .long], parsing: .unconditional,
        help: "The storage pool to move it to.", completion: Names.pools)
    var storage: String?
    @Option(parsing: .unconditional, help: "The project to move it to.", completion: Names.projects)
    var targetProject: String?
    @Argument(help: "The instance.", completion: Names.instances)
    var source: String
    @Argument(help: ArgumentHelp("Its new name.", valueName: "name"))
    var destination: String?
    @OptionGroup var member: TargetOption<SourceRefusal>
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if destination == nil && storage == nil && targetProject == nil && member.target == nil {
            throw ValidationError("Give the instance a new name, a storage pool or a project.")
        }
    }

    func run() async throws {
        try member.check()
        let from = try Reference(source)
        let to = try destination.map { try Reference($0) } ?? from
        guard from.remote == to.remote else {
            throw Failure("Cannot move \(from.name): \"\(to.remote.rawValue)\" is not the server it is on")
        }
        if from.name.contains("/"), storage == nil, targetProject == nil {
            return try await Rename.renameSnapshot(from, to: to.name, global)
        }
        let name = to.name.isEmpty ? from.name : to.name
        let wish =
            storage == nil && targetProject == nil
            ? Instance.Move(name: name)
            : Instance.Move(
                name: name, pool: storage ?? "", project: targetProject ?? "", instanceOnly: instanceOnly)
        let global = global
        try await global.withServer(from.remote) { client in
            try await global.run(
                client, saying: "Moving \(from.name)", API.instances.move, path: ["name": from.name], body: wish)
        }
        try await change(name, to.remote)
    }

    /// What is to be different in the new place.
    private func change(_ name: String, _ remote: Remote) async throws {
        guard !config.isEmpty || !device.isEmpty || !profile.isEmpty || noProfiles else { return }
        var global = global
        if let targetProject { global.project = targetProject }
        let there = global
        try await there.withServer(remote) { client in
            let answer = try await client.answer(API.instances.get, path: ["name": name])
            var update = Instance.Update(of: answer.reply)
            for word in config {
                guard let (key, value) = KeyValues.split(word) else {
                    throw Failure("\"\(word)\" is not a configuration key and a value; write it as KEY=VALUE")
                }
                update.config?[key] = value
            }
            try update.devices?.override(
                try CreationOptions.overrides(device), inherited: answer.reply.expandedDevices)
            if noProfiles || !profile.isEmpty { update.profiles = profile }
            try await there.run(
                client, saying: "Changing \(name)", API.instances.update, path: ["name": name], body: update,
                ifMatch: answer.etag)
        }
    }
}
