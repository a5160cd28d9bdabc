/// A device of an instance, read and checked.
public enum Device: Sendable {
    /// An instance's root disk.
    case disk(Config<DiskKeys>)
    /// A custom volume of a storage pool.
    case volume(Config<VolumeDiskKeys>)
    /// A directory, a file or a block device of the host's, or memory.
    case bind(Config<HostDiskKeys>)
    /// A device node of the host's.
    case unix(NodeKind, Config<UnixKeys>)
    /// The device nodes of hardware that comes and goes.
    case hotplug(Config<UnixHotplugKeys>)
    /// USB devices.
    case usb(Config<USBKeys>)
    /// Graphics cards.
    case gpu(Config<GPUKeys>)
    /// One that no instance here can be started with.
    case absent(AbsentDevice)
    /// A network interface.
    case nic(NICDevice)
    /// Passes connections on between host and instance.
    case proxy(ProxyDevice)
    /// Hides a device of a profile.
    case none

    /// Reads a device. Throws a 400 that names the device and what is wrong with it.
    public init(_ name: String, _ options: [String: String]) throws(APIError) {
        do throws(APIError) {
            self = try Device(reading: name, options)
        } catch {
            // What is wrong with a value is said without knowing whose it is.
            guard error.status == 400, !error.message.hasPrefix("Invalid device") else { throw error }
            throw .badRequest("Invalid device \"\(name)\": \(error.message)")
        }
    }

    private init(reading name: String, _ options: [String: String]) throws(APIError) {
        try Self.checkName(name)
        func unknown(_ key: String) -> String { "Invalid device \"\(name)\": unknown option \"\(key)\"" }
        switch options["type"] ?? "" {
        case "none":
            guard options.count == 1 else {
                throw .badRequest("Invalid device \"\(name)\": a device of type none has no options")
            }
            self = .none
        case "disk":
            self = try Self.disk(name, options, unknown: unknown)
        case "unix-char": self = try Self.unix(name, .char, options, unknown: unknown)
        case "unix-block": self = try Self.unix(name, .block, options, unknown: unknown)
        case "unix-hotplug": self = try Self.hotplug(name, options, unknown: unknown)
        case "usb":
            let config = Config<USBKeys>(options)
            try config.validate(unknown: unknown)
            self = .usb(config)
        case "gpu": self = try Self.gpu(name, options, unknown: unknown)
        case "infiniband", "tpm", "pci":
            self = try Self.absent(name, options["type", default: ""], options, unknown: unknown)
        case "nic": self = .nic(try NICDevice(name, options, unknown: unknown))
        case "proxy": self = .proxy(try ProxyDevice(name, options, unknown: unknown))
        case "": throw .badRequest("Invalid device \"\(name)\": it has no type")
        case let type: throw .badRequest("Invalid device type \(clipped(type))")
        }
    }

    /// Device names become parts of configuration keys and of file names.
    static func checkName(_ name: String) throws(APIError) {
        let extra = "-_.:/".utf8
        guard (1...64).contains(name.utf8.count), !name.hasPrefix("."),
            name.utf8.allSatisfy({
                InstanceName.isLetter($0) || InstanceName.isDigit($0) || extra.contains($0)
            })
        else {
            throw .badRequest(
                "Invalid device name \"\(clipped(name))\": use 1 to 64 letters, digits, \"-\", \"_\", \":\", \"/\" and \".\", "
                    + "which cannot be the first")
        }
    }

    /// Reads all devices of an instance or profile.
    public static func readAll(_ devices: [String: [String: String]]) throws(APIError) -> [String: Device] {
        var result: [String: Device] = [:]
        for (name, options) in devices.sorted(by: { $0.key < $1.key }) { result[name] = try Device(name, options) }
        return result
    }
}
