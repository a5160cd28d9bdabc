import LexAPI

/// What a person asks of `lexd init --auto`; empty texts and -1 are for what was not said.
struct AutomaticWish {
    var backend = ""
    var device = ""
    var loopSize = -1
    var pool = ""
    var address = ""
    var port = -1
    var password = ""
}

/// What a server has, as far as `lexd init` looks at it.
struct PresentServer {
    private let server: JSONValue
    let networks: [JSONValue]
    let pools: [JSONValue]
    let profiles: [JSONValue]
    private let projects: [JSONValue]

    init(
        server: JSONValue, networks: [JSONValue], pools: [JSONValue], profiles: [JSONValue], projects: [JSONValue]
    ) {
        self.server = server
        self.networks = networks
        self.pools = pools
        self.profiles = profiles
        self.projects = projects
    }

    var managedNetworks: [JSONValue] { networks.filter { $0["managed"] == true } }

    /// The storage drivers that can be used, the best first.
    var backends: [String] {
        let names = (server["environment"]?["storage_supported_drivers"]?.elements ?? []).compactMap {
            $0["Name"]?.text
        }
        return names.sorted { ($0 == "overlay" ? 0 : 1, $0) < ($1 == "overlay" ? 0 : 1, $1) }
    }

    private static func config(_ object: JSONValue?) -> [String: String] {
        (object?["config"]?.members ?? [:]).compactMapValues(\.text)
    }

    static func devices(_ profile: JSONValue?) -> [String: [String: String]] {
        (profile?["devices"]?.members ?? [:]).mapValues { ($0.members ?? [:]).compactMapValues(\.text) }
    }

    /// The profile `default`.
    var defaultDevices: [String: [String: String]] {
        Self.devices(profiles.first { $0["name"]?.text == "default" })
    }

    /// Everything as a preseed.
    var asPreseed: Preseed {
        func name(_ object: JSONValue) -> String { object["name"]?.text ?? "" }
        var preseed = Preseed()
        preseed.config = Self.config(server)
        preseed.networks = managedNetworks.map {
            Preseed.Network(
                config: Self.config($0), description: $0["description"]?.text, name: name($0), type: $0["type"]?.text,
                project: LexAPI.Project.defaultName)
        }
        preseed.storagePools = pools.map {
            Preseed.Pool(
                config: Self.config($0).filter { !$0.key.hasPrefix("volatile.") },
                description: $0["description"]?.text, name: name($0), driver: $0["driver"]?.text)
        }
        preseed.profiles = profiles.map {
            Preseed.Profile(
                config: Self.config($0), description: $0["description"]?.text, devices: Self.devices($0),
                name: name($0))
        }
        preseed.projects = projects.map {
            Preseed.Project(config: Self.config($0), description: $0["description"]?.text, name: name($0))
        }
        return preseed
    }

    /// What is lacking for the first launch, as far as the wish says how it is to be.
    func automatic(_ wish: AutomaticWish) throws -> Preseed {
        var preseed = Preseed()
        preseed.config = try Self.remote(wish)
        var devices: [String: [String: String]] = [:]
        if let pool = try pool(wish) {
            preseed.storagePools = [pool]
            devices["root"] = ["type": "disk", "path": "/", "pool": pool.name]
        } else if !hasRoot, let first = pools.first?["name"]?.text {
            devices["root"] = ["type": "disk", "path": "/", "pool": first]
        }
        var network = managedNetworks.first?["name"]?.text
        if network == nil {
            let bridge = freeBridge
            preseed.networks = [Preseed.Network(name: bridge, type: "bridge")]
            network = bridge
        }
        if !hasNIC, let network { devices["eth0"] = ["type": "nic", "name": "eth0", "network": network] }
        if !devices.isEmpty {
            preseed.profiles = [Preseed.Profile(devices: devices, name: LexAPI.Project.defaultName)]
        }
        return preseed
    }

    /// Whether instances have a root disk by the default profile.
    var hasRoot: Bool { defaultDevices.values.contains { $0["type"] == "disk" && $0["path"] == "/" } }
    /// Whether instances have an interface by the default profile.
    var hasNIC: Bool { defaultDevices.values.contains { $0["type"] == "nic" } }

    /// The first name of a bridge that no interface has.
    var freeBridge: String {
        let taken = Set(networks.compactMap { $0["name"]?.text })
        var number = 0
        while taken.contains("lexdbr\(number)") { number += 1 }
        return "lexdbr\(number)"
    }

    private static func remote(_ wish: AutomaticWish) throws -> [String: String]? {
        guard !wish.address.isEmpty else { return nil }
        let host = wish.address.contains(":") && !wish.address.hasPrefix("[") ? "[\(wish.address)]" : wish.address
        var config = ["core.https_address": "\(host):\(wish.port == -1 ? 8443 : wish.port)"]
        if !wish.password.isEmpty { config["core.trust_password"] = wish.password }
        return config
    }

    private func pool(_ wish: AutomaticWish) throws -> Preseed.Pool? {
        guard pools.isEmpty else {
            let isAsked =
                !wish.backend.isEmpty || !wish.device.isEmpty || wish.loopSize != -1 || !wish.pool.isEmpty
            guard !isAsked else { throw InitFailure("Storage has already been configured") }
            return nil
        }
        guard let backend = wish.backend.isEmpty ? backends.first : wish.backend, backends.contains(backend) else {
            throw InitFailure(
                "The requested backend '\(wish.backend)' is not supported by lexd init: there is "
                    + backends.joined(separator: ", "))
        }
        var pool = Preseed.Pool(name: "default", driver: backend)
        let isDirectory = ["dir", "overlay"].contains(backend)
        guard !isDirectory || (wish.device.isEmpty && wish.loopSize == -1) else {
            throw InitFailure(
                "None of --storage-create-device or --storage-create-loop may be used with the '\(backend)' backend")
        }
        guard wish.device.isEmpty || wish.loopSize == -1 else {
            throw InitFailure("Only one of --storage-create-device or --storage-create-loop can be specified")
        }
        if isDirectory {
            if !wish.pool.isEmpty { pool.name = wish.pool }
        } else {
            var config: [String: String] = [:]
            if !wish.device.isEmpty { config["source"] = wish.device }
            if wish.loopSize != -1 { config["size"] = "\(wish.loopSize)GB" }
            if !wish.pool.isEmpty {
                config[wish.device.isEmpty && wish.loopSize == -1 ? "source" : "\(backend).pool_name"] = wish.pool
            }
            pool.config = config
        }
        return pool
    }
}
