/// The options of a device of type `unix-char` or `unix-block`.
public struct UnixKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: unix-char or unix-block.")
    /// The device of the host.
    public let source = ConfigKey<ConfigLine>(
        "source", effect: .live, "The device on the host, by its path; path when it is not set.",
        check: UnixKeys.checkSource)
    /// Where it is inside.
    public let path = ConfigKey<ConfigLine>(
        "path", effect: .live, "Where it is inside the instance; source when it is not set.", check: DevicePath.check)
    /// The number of the driver.
    public let major = ConfigKey<Int64>(
        "major", effect: .live, "The major number, together with minor; that of the source when it is not set.",
        check: { $0 >= 0 && $0 <= 4095 ? nil : "from 0 to 4095" })
    /// The number of the device.
    public let minor = ConfigKey<Int64>(
        "minor", effect: .live, "The minor number, together with major; that of the source when it is not set.",
        check: { $0 >= 0 && $0 <= 1_048_575 ? nil : "from 0 to 1048575" })
    /// Whether a start fails without it.
    public let required = ConfigKey<Bool>(
        "required", default: "true", effect: .live,
        "Whether the instance does not start when the source is not there; if not, it comes and goes with the source.")
    /// Who it belongs to.
    public let owner = NodeOwnerKeys()
    /// All of them.
    public init() {}

    private static let checkSource: @Sendable (ConfigLine) -> String? = { line in
        line.text.hasPrefix("/") && line.text.utf8.count <= 4000 && DevicePath.isPrintable(line.text)
            ? nil : "an absolute path of the host without control characters, such as /dev/ttyS0"
    }
}

/// The options `uid`, `gid` and `mode` of everything that becomes a device node inside.
public struct NodeOwnerKeys: ConfigKeySet {
    /// The user.
    public let uid = ConfigKey<Int64>(
        "uid", default: "0", effect: .live, "The user it belongs to inside the instance.", check: DeviceRange.uint32)
    /// The group.
    public let gid = ConfigKey<Int64>(
        "gid", default: "0", effect: .live, "The group it belongs to inside the instance.", check: DeviceRange.uint32)
    /// Its rights.
    public let mode = ConfigKey<FileMode>(
        "mode", default: "0660", effect: .live, "Its rights inside the instance, in octal digits.")
    /// All of them.
    public init() {}
}

/// The options of a device of type `unix-hotplug`.
public struct UnixHotplugKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: unix-hotplug.")
    /// The maker.
    public let vendorID = ConfigKey<HardwareID>(
        "vendorid", effect: .live, "The maker of the USB device it belongs to, in hexadecimal digits.")
    /// The product.
    public let productID = ConfigKey<HardwareID>(
        "productid", effect: .live, "The product of the USB device it belongs to, in hexadecimal digits.")
    /// Whether a start fails without it.
    public let required = ConfigKey<Bool>(
        "required", default: "false", effect: .live,
        "Whether the instance does not start without it; if not, it comes and goes with the hardware.")
    /// Who it belongs to.
    public let owner = NodeOwnerKeys()
    /// All of them.
    public init() {}
}

/// The options of a device of type `usb`.
public struct USBKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: usb.")
    /// The maker.
    public let vendorID = ConfigKey<HardwareID>("vendorid", effect: .live, "The maker, in hexadecimal digits.")
    /// The product.
    public let productID = ConfigKey<HardwareID>("productid", effect: .live, "The product, in hexadecimal digits.")
    /// Whether a start fails without it.
    public let required = ConfigKey<Bool>(
        "required", default: "false", effect: .live,
        "Whether the instance does not start without it; if not, it comes and goes with the hardware.")
    /// Who it belongs to.
    public let owner = NodeOwnerKeys()
    /// All of them.
    public init() {}
}

/// The options of a device of type `gpu` with `gputype` `physical`.
public struct GPUKeys: ConfigKeySet {
    /// What it is.
    public let type = ConfigKey<ConfigLine>("type", effect: .live, "The kind of device: gpu.")
    /// The kind of GPU.
    public let gpuType = ConfigKey<ConfigLine>(
        "gputype", effect: .live, "The kind of GPU: physical.", check: { $0.text == "physical" ? nil : "physical" })
    /// The card.
    public let id = ConfigKey<Int64>(
        "id", effect: .live, "The number of the card: 0 for /dev/dri/card0.", check: DeviceRange.uint32)
    /// The maker.
    public let vendorID = ConfigKey<HardwareID>("vendorid", effect: .live, "The maker, in hexadecimal digits.")
    /// The product.
    public let productID = ConfigKey<HardwareID>("productid", effect: .live, "The product, in hexadecimal digits.")
    /// The place on the bus.
    public let pci = ConfigKey<PCIAddress>("pci", effect: .live, "The PCI address, such as 0000:01:00.0.")
    /// Who it belongs to.
    public let owner = NodeOwnerKeys()
    /// All of them.
    public init() {}
}

/// The rights of a file in octal digits.
public struct FileMode: ConfigValue, Hashable {
    /// The twelve bits.
    public let bits: UInt32

    /// Up to 7777.
    public init?(configText: String) {
        guard (1...5).contains(configText.utf8.count),
            configText.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }),
            let bits = UInt32(configText, radix: 8), bits <= 0o7777
        else { return nil }
        self.bits = bits
    }
    /// In the words of an error message.
    public static var allowedText: String { "rights in octal digits, such as 0660" }
    /// In the manual.
    public static var typeName: String { "octal number" }
}

/// The number of a maker or a product of hardware: four hexadecimal digits.
public struct HardwareID: ConfigValue, Hashable {
    /// The number.
    public let number: UInt16

    /// Exactly four digits.
    public init?(configText: String) {
        guard configText.utf8.count == 4, configText.allSatisfy(\.isHexDigit),
            let number = UInt16(configText, radix: 16)
        else { return nil }
        self.number = number
    }
    /// In the words of an error message.
    public static var allowedText: String { "four hexadecimal digits, such as 046d" }
    /// In the manual.
    public static var typeName: String { "hexadecimal number" }
}

/// The address of a device on the PCI bus, in its long form.
public struct PCIAddress: ConfigValue, Hashable {
    /// `DDDD:BB:SS.F` in lower case.
    public let text: String

    /// With or without the domain, which is 0000 then.
    public init?(configText: String) {
        let long = configText.utf8.count == 7 ? "0000:" + configText : configText
        let shape = Array("hhhh:hh:hh.h".utf8)
        let bytes = Array(long.lowercased().utf8)
        let fits =
            bytes.count == shape.count
            && zip(bytes, shape).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "h")
                    ? (48...57).contains(byte) || (97...102).contains(byte) : byte == wanted
            }
        guard fits else { return nil }
        text = long.lowercased()
    }
    /// In the words of an error message.
    public static var allowedText: String { "a PCI address such as 0000:01:00.0" }
    /// In the manual.
    public static var typeName: String { "PCI address" }
}
