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
        try Config<InstanceKeys>(config).validate()
        let devices = try Device.readAll(devices)
        let roots = devices.values.filter { if case .disk = $0 { true } else { false } }
        guard roots.count <= 1 else { throw .badRequest("The instance has more than one root disk device") }
        return devices
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
