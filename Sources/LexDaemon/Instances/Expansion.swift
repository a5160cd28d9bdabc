import LexAPI

/// An instance's configuration and devices with those of its profiles below them.
struct Expansion: Sendable {
    let config: [String: String]
    let devices: [String: [String: String]]

    /// Profiles in their order, the instance last: what comes later wins, devices whole.
    init(_ profiles: [ProfileRecord], config: [String: String], devices: [String: [String: String]]) {
        var allConfig: [String: String] = [:]
        var allDevices: [String: [String: String]] = [:]
        for profile in profiles {
            allConfig.merge(profile.config) { $1 }
            allDevices.merge(profile.devices) { $1 }
        }
        self.config = allConfig.merging(config) { $1 }
        self.devices = allDevices.merging(devices) { $1 }
    }

    /// The one place where the final configuration of an instance is judged, whatever way it came about: create,
    /// update, profile edit, start.
    func check() throws(APIError) -> [String: Device] {
        let keys = Config<InstanceKeys>(config)
        try keys.validate()
        if try keys[\.security.syscallsAllow] != nil, try keys[\.security.syscallsDeny] != nil {
            throw .badRequest("security.syscalls.allow is mutually exclusive with security.syscalls.deny*")
        }
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
        return devices
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
