import ArgumentParser
import LexAPI
import LexClient

/// What `launch` and `init` have in common: from the words to an instance that does not run yet.
struct CreationOptions: ParsableArguments {
    @Option(
        name: [.customShort("c", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A configuration key of the new instance.", valueName: "key=value"))
    var config: [String] = []
    @Option(
        name: [.customShort("d", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A key of one of its devices, on top of its profiles.", valueName: "device,key=value"))
    var device: [String] = []
    @Option(
        name: [.customShort("p", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: "A profile it takes configuration and devices from; \"default\" when none is named.",
        completion: Names.profiles)
    var profile: [String] = []
    @Flag(help: "Make it without any profile.")
    var noProfiles = false
    @Flag(name: .shortAndLong, help: "Delete it when it stops.")
    var ephemeral = false
    @Option(
        name: [.customShort("n", allowingJoined: true), .long], parsing: .unconditional,
        help: "The network its eth0 is put into.", completion: Names.networks)
    var network: String?
    @Option(
        name: [.customShort("s", allowingJoined: true), .long], parsing: .unconditional,
        help: "The storage pool its root lies in.", completion: Names.pools)
    var storage: String?
    @Option(
        name: [.customShort("t", allowingJoined: true), .long], parsing: .unconditional,
        help: "A size by name, such as c2-m4.")
    var type: String = ""
    @Flag(help: "Make it without an image: an empty root.")
    var empty = false
    @Flag(help: "Make it a virtual machine, which this server has none of.")
    var vm = false
    @Argument(
        help: ArgumentHelp(
            "The image: an alias, the beginning of a fingerprint, or template: and a recipe.", valueName: "image"),
        completion: Names.images)
    var image: String?
    @Argument(
        help: ArgumentHelp("The name of the new instance; the server finds one if none is given.", valueName: "name"))
    var name: String?

    /// The image and the name, which is the only word when the instance is to be empty.
    private func words() throws -> (image: Reference?, name: Reference) {
        if empty {
            guard name == nil else {
                throw Failure("An empty instance has no image: leave out \"\(image ?? "")\" or --empty")
            }
            return (nil, try Reference(image ?? ""))
        }
        guard let image else {
            throw ValidationError("Name the image to make the instance from, or say --empty.")
        }
        return (try Reference(image), try Reference(name ?? ""))
    }

    /// Makes the instance and gives its name.
    func create(_ global: GlobalOptions, then next: (Client, String) async throws -> Void) async throws {
        let (image, name) = try words()
        let given = try YAMLInput.decode(Instance.Creation.self, from: StandardInput.all() ?? "")
        try await global.withServer(name.remote) { client in
            if !global.quiet {
                try StandardOutput.line(name.name.isEmpty ? "Creating the instance" : "Creating \(name.name)")
            }
            var creation = try await request(client, name: name.name, given: given)
            creation.source = try await source(client, image)
            let operation = try await global.run(
                client, saying: "Creating \(name.name.isEmpty ? "the instance" : name.name)", API.instances.create,
                body: creation)
            let made = name.name.isEmpty ? Self.instanceName(operation) : name.name
            if name.name.isEmpty && !global.quiet { try StandardOutput.line("Instance name is: \(made)") }
            try await next(client, made)
        }
    }

    static func instanceName(_ operation: LexAPI.Operation?) -> String {
        let urls = operation?.resources?["instances"] ?? operation?.resources?["containers"] ?? []
        return urls.first.flatMap { ResourceURL($0)?.name } ?? ""
    }

    private func source(_ client: Client, _ image: Reference?) async throws -> Instance.Source {
        guard let image else { return Instance.Source(type: "none") }
        switch image.remote {
        case .template: return Instance.Source(type: "image", alias: image.name, protocol: "template")
        case .local:
            return Instance.Source(
                type: "image", fingerprint: try await ImageNames.image(image.name, on: client).fingerprint)
        }
    }

    /// The request without its source: what standard input says, and on top of it what the words say.
    private func request(_ client: Client, name: String, given: Instance.Creation) async throws -> Instance.Creation {
        var creation = given
        creation.name = name
        creation.type = vm ? "virtual-machine" : "container"
        creation.instanceType = type
        creation.ephemeral = ephemeral || given.ephemeral
        for word in config {
            guard let (key, value) = KeyValues.split(word) else {
                throw Failure("\"\(word)\" is not a configuration key and a value; write it as KEY=VALUE")
            }
            creation.config[key] = value
        }
        if noProfiles || !profile.isEmpty { creation.profiles = profile }
        if let network { creation.devices["eth0"] = try await nic(client, network) }
        if let storage {
            try await Self.explaining("Cannot put the root into the storage pool \"\(storage)\"") {
                try await client.call(API.storagePools.get, path: ["name": storage])
            }
            creation.devices["root"] = ["type": "disk", "path": "/", "pool": storage]
        }
        let overrides = try Self.overrides(device)
        if !overrides.isEmpty {
            let inherited = try await profileDevices(client, creation.profiles ?? [Project.defaultName])
            try creation.devices.override(overrides, inherited: inherited)
        }
        return creation
    }

    private func nic(_ client: Client, _ name: String) async throws -> [String: String] {
        let network = try await Self.explaining("Cannot put eth0 into the network \"\(name)\"") {
            try await client.call(API.networks.get, path: ["name": name])
        }
        if network.managed { return ["type": "nic", "name": "eth0", "network": name] }
        return [
            "type": "nic", "name": "eth0", "nictype": network.type == "bridge" ? "bridged" : "macvlan", "parent": name,
        ]
    }

    private func profileDevices(_ client: Client, _ profiles: [String]) async throws -> [String: [String: String]] {
        var devices: [String: [String: String]] = [:]
        for name in profiles {
            let profile = try await client.call(API.profiles.get, path: ["name": name])
            devices.merge(profile.devices) { $1 }
        }
        return devices
    }

    /// Says what something was wanted for, when the server does not have it.
    @discardableResult
    private static func explaining<Result>(_ attempt: String, _ body: () async throws -> Result) async throws -> Result
    {
        do {
            return try await body()
        } catch let error as APIError {
            throw Failure("\(attempt): \(error)")
        }
    }

    /// Reads `device,key=value` words.
    static func overrides(_ words: [String]) throws -> [String: [String: String]] {
        var result: [String: [String: String]] = [:]
        for word in words {
            let halves = word.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard halves.count == 2, let device = halves.first, !device.isEmpty,
                let (key, value) = halves.last.flatMap({ KeyValues.split($0) })
            else {
                throw Failure("\"\(word)\" does not name a device and one of its keys; write it as DEVICE,KEY=VALUE")
            }
            result[device, default: [:]][key] = value
        }
        return result
    }
}

extension [String: [String: String]] {
    /// Changes keys of devices; a device that only comes from a profile is copied first.
    mutating func override(_ changes: [String: [String: String]], inherited: [String: [String: String]]) throws {
        for (name, keys) in changes {
            guard let device = self[name] ?? inherited[name] else {
                throw Failure("Cannot change the device \"\(name)\": there is none in the profiles of the instance")
            }
            self[name] = device.merging(keys) { $1 }
        }
    }
}
