/// A device that is kept as it was asked for, and that no instance here can be started with.
public struct AbsentDevice: Sendable, Equatable {
    /// When it is refused.
    public enum Moment: Sendable, Equatable {
        /// As soon as an instance has it, not in a profile.
        case inAnInstance
        /// When an instance with it starts, or runs.
        case atStart
    }
    /// When it is refused.
    public let moment: Moment
    /// Why, as a sentence of its own.
    public let reason: String

    /// Throws what is refused.
    public func refuse(_ name: String) throws(APIError) -> Never {
        throw .badRequest("Invalid device \"\(name)\": \(reason)")
    }
}

/// The options of a device of type `infiniband`.
public struct InfinibandKeys: ConfigKeySet {
    let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: infiniband.")
    let nictype = ConfigKey<ConfigLine>(
        "nictype", effect: .onRestart, "physical or sriov.",
        check: { ["physical", "sriov"].contains($0.text) ? nil : "physical or sriov" })
    let parent = ConfigKey<ConfigLine>(
        "parent", effect: .onRestart, "The interface on the host.", check: AbsentKeys.interface)
    let name = ConfigKey<ConfigLine>("name", effect: .onRestart, "Its name inside.", check: AbsentKeys.interface)
    let mtu = ConfigKey<Int64>("mtu", effect: .onRestart, "The largest packet.", check: DeviceRange.uint32)
    let hwaddr = ConfigKey<ConfigLine>(
        "hwaddr", effect: .onRestart, "Its hardware address: 8 or 20 bytes.",
        check: { line in
            let parts = line.text.split(separator: ":", omittingEmptySubsequences: false)
            return [8, 20].contains(parts.count)
                && parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isHexDigit) })
                ? nil : "8 or 20 pairs of hexadecimal digits with colons between"
        })
    /// All of them.
    public init() {}
}

/// The options of a device of type `tpm`.
public struct TPMKeys: ConfigKeySet {
    let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: tpm.")
    let path = ConfigKey<ConfigLine>("path", effect: .onRestart, "Where it is inside.", check: DevicePath.check)
    let pathRM = ConfigKey<ConfigLine>(
        "pathrm", effect: .onRestart, "Where its resource manager is inside.", check: DevicePath.check)
    /// All of them.
    public init() {}
}

/// The options of a device of type `pci`.
public struct PCIKeys: ConfigKeySet {
    let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: pci.")
    let address = ConfigKey<PCIAddress>("address", effect: .onRestart, "The address on the bus.")
    /// All of them.
    public init() {}
}

/// The options of a device of type `gpu` with `gputype` `mdev`, `mig` or `sriov`.
public struct PartialGPUKeys: ConfigKeySet {
    let type = ConfigKey<ConfigLine>("type", effect: .onRestart, "The kind of device: gpu.")
    let gpuType = ConfigKey<ConfigLine>("gputype", effect: .onRestart, "mdev, mig or sriov.")
    let id = ConfigKey<Int64>("id", effect: .onRestart, "The number of the card.", check: DeviceRange.uint32)
    let vendorID = ConfigKey<HardwareID>("vendorid", effect: .onRestart, "The maker.")
    let productID = ConfigKey<HardwareID>("productid", effect: .onRestart, "The product.")
    let pci = ConfigKey<PCIAddress>("pci", effect: .onRestart, "The PCI address.")
    let mdev = ConfigKey<ConfigLine>("mdev", effect: .onRestart, "The profile of a mediated device.")
    let migCI = ConfigKey<Int64>("mig.ci", effect: .onRestart, "The compute instance.", check: DeviceRange.uint32)
    let migGI = ConfigKey<Int64>("mig.gi", effect: .onRestart, "The GPU instance.", check: DeviceRange.uint32)
    let migUUID = ConfigKey<ConfigLine>("mig.uuid", effect: .onRestart, "The MIG device.")
    /// All of them.
    public init() {}
}

enum AbsentKeys {
    static let interface: @Sendable (ConfigLine) -> String? = { line in
        (try? ObjectName.validateInterface(line.text)) == nil
            ? "the name of an interface: 2 to 15 letters, digits, \"-\", \"_\" and \".\"" : nil
    }
}
