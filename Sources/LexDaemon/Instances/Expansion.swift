import LexAPI

/// An instance's configuration and devices with those of its profiles below them.
struct Expansion: Sendable {
    let config: [String: String]
    let devices: [String: [String: String]]
    /// The keys of the instance's own.
    private let own: Set<String>

    /// Profiles in their order, the instance last: what comes later wins, devices whole.
    init(_ profiles: [ProfileRecord], config: [String: String], devices: [String: [String: String]]) {
        var allConfig: [String: String] = [:]
        var allDevices: [String: [String: String]] = [:]
        for profile in profiles {
            allConfig.merge(profile.config) { $1 }
            allDevices.merge(profile.devices) { $1 }
        }
        own = Set(config.keys)
        self.config = allConfig.merging(config) { $1 }
        self.devices = allDevices.merging(devices) { $1 }
    }

    /// The one place where the final configuration of an instance is judged, whatever way it came about: create,
    /// update, profile edit, start.
    func check() throws(APIError) -> [String: Device] {
        let keys = Config<InstanceKeys>(config)
        try Self.checkKeys(config, own: own)
        try Self.checkAllowedAlone(config)
        let programs = try keys[\.security.intercept.mountFuse]?.programs ?? [:]
        if let both = try keys[\.security.intercept.mountAllowed]?.names.first(where: { programs[$0] != nil }) {
            throw .badRequest(
                "Cannot mount \(both) in two ways: it is in security.syscalls.intercept.mount.allowed and in "
                    + "security.syscalls.intercept.mount.fuse. Take it out of one of them")
        }
        let devices = try Device.readAll(devices)
        let roots = devices.values.filter { if case .disk = $0 { true } else { false } }
        guard roots.count <= 1 else { throw .badRequest("The instance has more than one root disk device") }
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            if case .absent(let absent) = device, absent.moment == .inAnInstance { try absent.refuse(name) }
        }
        try Self.checkPaths(devices)
        try Self.checkInterfaces(devices)
        return devices
    }

    /// Profiles may have keys of virtual machines, which say nothing for a container; it has none of its own.
    private static func checkKeys(_ config: [String: String], own: Set<String>) throws(APIError) {
        let (ofMachines, left) = VirtualMachineKeys.split(config)
        if let key = ofMachines.keys.filter(own.contains).min() {
            throw .badRequest(
                "Unknown configuration key: \(key): it is for virtual machines, and lexd has containers only. Unset it")
        }
        try Config<InstanceKeys>(left).validate()
    }

    /// What is allowed alone leaves nothing to be denied. As in LXD, to say that nothing is denied is no denial.
    private static func checkAllowedAlone(_ config: [String: String]) throws(APIError) {
        func isSet(_ key: String) -> Bool { config[key]?.isEmpty == false }
        func isTrue(_ key: String) -> Bool { Bool(configText: config[key] ?? "") == true }
        func keys(_ words: [String]) -> [String] { words.map { "security.syscalls.\($0)" } }
        let denial =
            keys(["deny", "blacklist"]).first(where: isSet)
            ?? keys(["deny_compat", "deny_default", "blacklist_compat", "blacklist_default"]).first(where: isTrue)
        guard let allow = keys(["allow", "whitelist"]).first(where: isSet), let deny = denial else { return }
        throw .badRequest(
            "security.syscalls.allow is mutually exclusive with security.syscalls.deny*: both \(allow) and \(deny) are set. "
                + "Unset one of them")
    }

    /// No two interfaces have the same name inside.
    private static func checkInterfaces(_ devices: [String: Device]) throws(APIError) {
        var names: [String: String] = [:]
        for (device, kind) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .nic(let nic) = kind, let name = nic.name else { continue }
            guard let other = names.updateValue(device, forKey: name) else { continue }
            throw .badRequest(
                "Invalid device \"\(device)\": Invalid value for device option \"name\": Duplicate NIC name detected "
                    + "\"\(name)\": the device \"\(other)\" has it as well")
        }
    }

    /// No two disks are at the same place.
    private static func checkPaths(_ devices: [String: Device]) throws(APIError) {
        var paths: [String: String] = [:]
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            let path: ConfigLine? =
                switch device {
                case .bind(let config): try config[\.path]
                case .volume(let config): try config[\.path]
                default: nil
                }
            guard let path else { continue }
            if let other = paths.updateValue(name, forKey: DevicePath.plain(path.text)) {
                throw .badRequest(
                    "More than one disk device uses the same path \"\(DevicePath.plain(path.text))\": \"\(other)\" and "
                        + "\"\(name)\"")
            }
        }
    }

    /// The pool of the root disk.
    static func rootPool(_ devices: [String: Device]) throws(APIError) -> String {
        for device in devices.values {
            guard case .disk(let config) = device else { continue }
            guard let pool = try config[\.pool] else {
                throw .badRequest("The root disk device has no pool")
            }
            return pool.text
        }
        throw .badRequest("No root device could be found")
    }
}
