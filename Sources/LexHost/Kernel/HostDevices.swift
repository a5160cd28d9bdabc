import CLexLinux
import Glibc
package import LexIPC

/// A device node of the host's.
package struct HostDevice: Sendable, Hashable {
    /// Its path below `/dev`.
    package let path: String
    package let isBlock: Bool
    package let major: UInt32
    package let minor: UInt32

    package init(path: String, isBlock: Bool, major: UInt32, minor: UInt32) {
        self.path = path
        self.isBlock = isBlock
        self.major = major
        self.minor = minor
    }
}

/// What hardware the kernel knows of (Documentation/admin-guide/sysfs-rules.rst).
package struct HostDevices: Sendable {
    /// Where sysfs is mounted.
    private let sys: String
    private let proc: String

    /// - Parameter sys: A directory that stands for sysfs, in a test.
    package init(sys: String = "/sys", proc: String = "/proc") {
        self.sys = sys
        self.proc = proc
    }

    /// The device node at a path, links followed; nil where there is nothing, or something else.
    package static func node(at path: String) throws(SystemError) -> HostDevice? {
        var status = stat()
        if stat(path, &status) != 0 {
            if [ENOENT, ENOTDIR].contains(errno) { return nil }
            throw SystemError("look at", path)
        }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFBLK || kind == S_IFCHR else { return nil }
        var (major, minor): (UInt32, UInt32) = (0, 0)
        lex_device_number(UInt64(status.st_rdev), &major, &minor)
        return HostDevice(path: path, isBlock: kind == S_IFBLK, major: major, minor: minor)
    }

    /// USB devices of a maker and a product; nil for any.
    package func usb(vendor: UInt16?, product: UInt16?) -> [HostDevice] {
        let base = "\(sys)/bus/usb/devices"
        return names(base).compactMap { name in
            let directory = "\(base)/\(name)"
            // Interfaces and hosts have none.
            guard matches(directory, "idVendor", vendor), matches(directory, "idProduct", product),
                let bus = number(directory, "busnum"), let device = number(directory, "devnum"),
                let numbers = numbers(directory)
            else { return nil }
            return HostDevice(
                path: "/dev/bus/usb/\(padded(bus))/\(padded(device))", isBlock: false, major: numbers.major,
                minor: numbers.minor)
        }
    }

    /// The device nodes that belong to USB devices of a maker and a product, beside those of the bus itself.
    package func belonging(vendor: UInt16?, product: UInt16?) -> [HostDevice] {
        var found: [HostDevice] = []
        for (kind, isBlock) in [("char", false), ("block", true)] {
            let base = "\(sys)/dev/\(kind)"
            for name in names(base) {
                guard let place = realPath("\(base)/\(name)"), let numbers = numbers(place),
                    let node = property("DEVNAME", of: place), !node.hasPrefix("bus/usb/"),
                    let device = usbDevice(above: place), matches(device, "idVendor", vendor),
                    matches(device, "idProduct", product)
                else { continue }
                found.append(
                    HostDevice(path: "/dev/\(node)", isBlock: isBlock, major: numbers.major, minor: numbers.minor))
            }
        }
        return found
    }

    /// Which graphics card is meant: by number, by PCI address, by maker and product, or every one.
    package struct GPU: Sendable {
        package var card: Int64?
        package var pci: String?
        package var vendor: UInt16?
        package var product: UInt16?

        package init(card: Int64? = nil, pci: String? = nil, vendor: UInt16? = nil, product: UInt16? = nil) {
            self.card = card
            self.pci = pci
            self.vendor = vendor
            self.product = product
        }
    }

    /// The device nodes of graphics cards; none when there is no such card.
    package func gpus(_ wanted: GPU) -> [HostDevice] {
        var found: [HostDevice] = []
        for name in names("\(sys)/class/drm") where name.hasPrefix("card") {
            guard let card = Int64(name.dropFirst(4)), wanted.card == nil || wanted.card == card,
                let device = realPath("\(sys)/class/drm/\(name)/device"),
                matches(device, "vendor", wanted.vendor), matches(device, "device", wanted.product)
            else { continue }
            let address = device.split(separator: "/").last.map(String.init) ?? ""
            if let pci = wanted.pci, pci != address.lowercased() { continue }
            for node in names("\(device)/drm") {
                guard let numbers = numbers("\(device)/drm/\(node)") else { continue }
                found.append(
                    HostDevice(path: "/dev/dri/\(node)", isBlock: false, major: numbers.major, minor: numbers.minor))
            }
            if matches(device, "vendor", 0x10de) { found += nvidia(address) }
        }
        return found
    }

    /// What NVIDIA's own driver has beside: a node for the card, and those of the driver as a whole.
    private func nvidia(_ address: String) -> [HostDevice] {
        let text = (try? readFile("\(proc)/driver/nvidia/gpus/\(address)/information", limit: 65536)) ?? ""
        var nodes = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"]
        for line in text.split(separator: "\n") where line.hasPrefix("Device Minor:") {
            nodes.append("nvidia" + line.dropFirst(13).filter(\.isNumber))
        }
        return nodes.compactMap { try? Self.node(at: "/dev/\($0)") }
    }

    private func names(_ directory: String) -> [String] { ((try? directoryNames(directory)) ?? []).sorted() }

    private func text(_ directory: String, _ name: String) -> String? {
        (try? readFile("\(directory)/\(name)", limit: 4096)).map { $0.filter { !$0.isWhitespace } }
    }
    private func number(_ directory: String, _ name: String) -> UInt32? { text(directory, name).flatMap { UInt32($0) } }

    private func matches(_ directory: String, _ name: String, _ wanted: UInt16?) -> Bool {
        guard let found = text(directory, name) else { return false }
        guard let wanted else { return true }
        return UInt16(found.hasPrefix("0x") ? String(found.dropFirst(2)) : found, radix: 16) == wanted
    }

    /// `MAJOR:MINOR` of the file `dev`.
    private func numbers(_ directory: String) -> (major: UInt32, minor: UInt32)? {
        let parts = (text(directory, "dev") ?? "").split(separator: ":").map { UInt32($0) }
        guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
        return (major, minor)
    }

    private func property(_ name: String, of directory: String) -> String? {
        let text = (try? readFile("\(directory)/uevent", limit: 65536)) ?? ""
        for line in text.split(separator: "\n") where line.hasPrefix(name + "=") {
            let value = String(line.dropFirst(name.utf8.count + 1))
            return value.contains("..") || value.isEmpty ? nil : value
        }
        return nil
    }

    /// The USB device that a device hangs on, if it does.
    private func usbDevice(above place: String) -> String? {
        var directory = place
        while directory.utf8.count > sys.utf8.count, let slash = directory.lastIndex(of: "/") {
            if access(directory + "/idVendor", F_OK) == 0 { return directory }
            directory = String(directory[..<slash])
        }
        return nil
    }

    private func padded(_ number: UInt32) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 3 - text.utf8.count)) + text
    }
}
