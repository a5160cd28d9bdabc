import ArgumentParser
import LexAPI
import LexClient

/// `lx copy`
struct Copy: Command {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Make an instance that is a copy of another.",
        discussion: """
            The copy has its own name, addresses and identity. An instance that runs stands still while its files are \
            copied.

              lx copy web web2
              lx copy web web2 -c limits.memory=1GiB -p default
              lx copy web --target-project test
              lx copy web/before-upgrade web-old
              lx copy web web2 --refresh
            """,
        aliases: ["cp"])

    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A configuration key of the copy.", valueName: "key=value"))
    var config: [String] = []
    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A key of one of its devices.", valueName: "device,key=value"))
    var device: [String] = []
    @Option(
        name: [.customShort("p", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: "A profile of the copy, instead of those of the original.", completion: Names.profiles)
    var profile: [String] = []
    @Flag(help: "Make it without any profile.")
    var noProfiles = false
    @Flag(name: .shortAndLong, help: "Delete the copy when it stops.")
    var ephemeral = false
    @Flag(help: "Leave the snapshots out.")
    var instanceOnly = false
    @Option(parsing: .unconditional, help: "How it is transferred between servers; on one it means nothing.")
    var mode = TransferMode.pull
    @Flag(help: "Do not mind files that change meanwhile; on one server none can.")
    var allowInconsistent = false
    @Flag(help: "Copy a stateful instance without its memory state.")
    var stateless = false
    @Flag(help: "Bring a copy that is there and stopped up to the original's files, snapshots and configuration.")
    var refresh = false
    @Option(
        name: [.customShort("s", allowingJoined: true), .long], parsing: .unconditional,
        help: "The storage pool the copy's root lies in.", completion: Names.pools)
    var storage: String?
    @Option(parsing: .unconditional, help: "The project of the copy.", completion: Names.projects)
    var targetProject: String?
    @Argument(help: "The instance to copy, or a snapshot of it.", completion: Names.instances)
    var source: String
    @Argument(help: ArgumentHelp("The name of the copy; that of the original if none is given.", valueName: "name"))
    var destination: String?
    @OptionGroup var member: TargetOption<ServerRefusal>
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try member.check()
        let from = try Reference(source)
        var to = try destination.map { try Reference($0) } ?? Reference(remote: from.remote, name: "")
        let path = try SnapshotPath(from.name)
        guard !path.instance.isEmpty else { throw Failure("You must specify a source instance name") }
        if to.name.isEmpty { to = Reference(remote: to.remote, name: path.instance) }
        guard !noProfiles || profile.isEmpty else { throw Failure("Give either --no-profiles or --profile, not both") }
        let creation = try request(try await original(path, from.remote), of: from.name, name: to.name)
        var global = global
        if let targetProject { global.project = targetProject }
        let target = global
        try await target.withServer(to.remote) { client in
            try await target.run(client, saying: "Copying \(from.name)", API.instances.create, body: creation)
            if refresh { try await update(client, creation, target) }
        }
    }

    /// Gives a refreshed copy what was asked for above the original's configuration. What the server keeps for itself and
    /// the pool of its root stay.
    private func update(_ client: Client, _ creation: Instance.Creation, _ options: GlobalOptions) async throws {
        let answer = try await client.answer(API.instances.get, path: ["name": creation.name])
        func isRoot(_ device: [String: String]) -> Bool { device["type"] == "disk" && device["path"] == "/" }
        let pool = answer.reply.expandedDevices.values.first(where: isRoot)?["pool"]
        // Its own stays where the original has one from a profile, which may name another pool.
        let hasOwn = creation.devices.values.contains(where: isRoot)
        let root = hasOwn ? [:] : answer.reply.devices.filter { isRoot($0.value) }
        var update = Instance.Update(of: answer.reply)
        update.config = creation.config.merging(answer.reply.config.filter { $0.key.hasPrefix("volatile.") }) { $1 }
        update.devices = creation.devices.mapValues { device in
            guard isRoot(device), let pool else { return device }
            return device.merging(["pool": pool]) { $1 }
        }.merging(root) { $1 }
        update.profiles = creation.profiles
        update.description = creation.description
        update.ephemeral = creation.ephemeral
        try await options.run(
            client, saying: "Configuring \(creation.name)", API.instances.update, path: ["name": creation.name],
            body: update, ifMatch: answer.etag)
    }

    /// The instance to copy, as it is or as it was when a snapshot was made.
    private func original(_ path: SnapshotPath, _ remote: Remote) async throws -> Instance {
        try await global.withServer(remote) { client in
            var instance = try await client.call(API.instances.get, path: ["name": path.instance])
            guard path.snapshot != nil else { return instance }
            let snapshot = try await client.call(API.instances.getSnapshot, path: path.path)
            instance.config = snapshot.config
            instance.devices = snapshot.devices
            instance.profiles = snapshot.profiles
            instance.expandedDevices = snapshot.expandedDevices
            return instance
        }
    }

    private func request(
        _ original: Instance, of source: String, name: String
    ) throws -> Instance.Creation {
        var creation = Instance.Creation(
            name: name,
            source: Instance.Source(
                copyOf: source, project: original.project, instanceOnly: instanceOnly, refresh: refresh),
            config: original.config.filter { !$0.key.hasPrefix("volatile.") }, devices: original.devices,
            profiles: noProfiles ? [] : profile.isEmpty ? original.profiles : profile, ephemeral: ephemeral)
        creation.description = original.description
        for word in config {
            guard let (key, value) = KeyValues.split(word) else {
                throw Failure("\"\(word)\" is not a configuration key and a value; write it as KEY=VALUE")
            }
            creation.config[key] = value
        }
        if let storage { creation.devices.moveRoot(to: storage, inherited: original.expandedDevices) }
        try creation.devices.override(try CreationOptions.overrides(device), inherited: original.expandedDevices)
        return creation
    }
}

extension [String: [String: String]] {
    /// Puts the root disk into a pool; one that only comes from a profile is copied first.
    mutating func moveRoot(to pool: String, inherited: [String: [String: String]]) {
        func isRoot(_ device: [String: String]) -> Bool { device["type"] == "disk" && device["path"] == "/" }
        if let (name, device) = first(where: { isRoot($0.value) }) ?? inherited.first(where: { isRoot($0.value) }) {
            self[name] = device.merging(["pool": pool]) { $1 }
        } else {
            self["root"] = ["type": "disk", "path": "/", "pool": pool]
        }
    }
}
