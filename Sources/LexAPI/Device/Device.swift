/// A device of an instance, read and checked.
public enum Device: Sendable {
    /// A disk; only an instance's root yet.
    case disk(Config<DiskKeys>)
    /// A network interface in a bridge.
    case nic(Config<NICKeys>)
    /// Hides a device of a profile.
    case none

    /// The kinds LXD has that this version does not.
    private static let notYet: Set<String> = [
        "gpu", "infiniband", "pci", "proxy", "tpm", "unix-block", "unix-char", "unix-hotplug", "usb",
    ]

    /// Reads a device. Throws a 400 that names the device and what is wrong with it.
    public init(_ name: String, _ options: [String: String]) throws(APIError) {
        try Self.checkName(name)
        func unknown(_ key: String) -> String { "Invalid device \"\(name)\": unknown option \"\(key)\"" }
        switch options["type"] ?? "" {
        case "none":
            guard options.count == 1 else {
                throw .badRequest("Invalid device \"\(name)\": a device of type none has no options")
            }
            self = .none
        case "disk":
            let config = Config<DiskKeys>(options)
            guard options["path"] == "/" else {
                throw .badRequest(
                    "Invalid device \"\(name)\": this version of lexd knows only an instance's root disk, with path=/ "
                        + "and a pool")
            }
            if options["size"] != nil {
                throw .badRequest(
                    "Invalid device \"\(name)\": pools of the driver overlay cannot limit the size of an instance here; "
                        + "leave size out")
            }
            try config.validate(unknown: unknown)
            self = .disk(config)
        case "nic":
            let config = Config<NICKeys>(options)
            if let type = options["nictype"], type != "bridged", !type.isEmpty {
                throw .badRequest(
                    "Invalid device \"\(name)\": this version of lexd knows only the nictype bridged, not "
                        + "\"\(clipped(type))\"")
            }
            try config.validate(unknown: unknown)
            guard options["network"]?.isEmpty == false || options["parent"]?.isEmpty == false else {
                throw .badRequest("Invalid device \"\(name)\": it needs the option network, or nictype and parent")
            }
            if options["network"]?.isEmpty == false, options["parent"] != nil || options["nictype"] != nil {
                throw .badRequest(
                    "Invalid device \"\(name)\": the option network stands for nictype and parent; give only one of "
                        + "them")
            }
            self = .nic(config)
        case "": throw .badRequest("Invalid device \"\(name)\": it has no type")
        case let type where Self.notYet.contains(type):
            throw .badRequest("Invalid device \"\(name)\": this version of lexd has no devices of type \(type) yet")
        case let type: throw .badRequest("Invalid device type \(clipped(type))")
        }
    }

    /// Device names become parts of configuration keys and of file names.
    static func checkName(_ name: String) throws(APIError) {
        let extra = "-_.".utf8
        guard (1...64).contains(name.utf8.count), name != ".", name != "..",
            name.utf8.allSatisfy({
                InstanceName.isLetter($0) || InstanceName.isDigit($0) || extra.contains($0)
            })
        else {
            throw .badRequest(
                "Invalid device name \"\(clipped(name))\": use 1 to 64 letters, digits, \"-\", \"_\" and \".\"")
        }
    }

    /// Reads all devices of an instance or profile.
    public static func readAll(_ devices: [String: [String: String]]) throws(APIError) -> [String: Device] {
        var result: [String: Device] = [:]
        for (name, options) in devices.sorted(by: { $0.key < $1.key }) { result[name] = try Device(name, options) }
        return result
    }
}
