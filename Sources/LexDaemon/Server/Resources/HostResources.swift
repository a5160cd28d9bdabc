import LexAPI

/// What the machine is made of, read from the kernel's files. Reads only; can wait for a slow device.
struct HostResources {
    let tree: KernelTree
    let architecture: String
    let kernelRelease: String
    /// The names of PCI and USB devices.
    let names: DeviceNames

    init(tree: KernelTree, architecture: String, kernelRelease: String) {
        self.tree = tree
        self.architecture = architecture
        self.kernelRelease = kernelRelease
        names = DeviceNames(tree: tree)
    }

    func all() -> Resources {
        Resources(
            cpu: cpu(), memory: memory(), gpu: gpu(), network: network(), storage: storage(), usb: usb(), pci: pci(),
            system: system())
    }

    /// What stands on the PCI bus, or on another, behind a `device` link.
    func identity(_ device: String) -> Resources.CardIdentity {
        var identity = Resources.CardIdentity()
        identity.numaNode = tree.count("\(device)/numa_node")
        if let driver = tree.linkName("\(device)/driver") {
            identity.driver = driver
            identity.driverVersion = tree.text("/sys/module/\(driver)/version") ?? kernelRelease
        }
        guard let real = tree.realPath(device) else { return identity }
        identity.usbAddress = usbAddress(above: real)
        if let address = Self.pciAddress(in: real) {
            identity.pciAddress = address
            let device = "/sys/bus/pci/devices/\(address)"
            // What is on a bus of its own, as virtio, has numbers of its own.
            let vendor = (tree.text("\(real)/vendor") ?? tree.text("\(device)/vendor")).map(Self.hexadecimal)
            let product = (tree.text("\(real)/device") ?? tree.text("\(device)/device")).map(Self.hexadecimal)
            identity.vendorID = vendor
            identity.productID = product
            identity.vendor = vendor.flatMap { names.pciVendor($0) }
            if let vendor, let product { identity.product = names.pciProduct(vendor, product) }
        }
        return identity
    }

    private static func hexadecimal(_ text: String) -> String {
        text.hasPrefix("0x") ? String(text.dropFirst(2)) : text
    }

    /// The last part of a path that is an address on the PCI bus, `0000:00:03.0`.
    static func pciAddress(in path: String) -> String? {
        path.split(separator: "/").last { (part: Substring) -> Bool in
            let parts = part.split { $0 == ":" || $0 == "." }
            return parts.count == 4 && part.contains(".") && parts[0].count >= 4 && parts[1].count == 2
                && parts[2].count == 2 && parts[3].count == 1 && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
        }.map(String.init)
    }

    private func usbAddress(above path: String) -> String? {
        guard path.contains("/usb") else { return nil }
        var parts = path.split(separator: "/")
        while parts.count > 2 {
            let here = "/" + parts.joined(separator: "/")
            if let bus = tree.number("\(here)/busnum"), let device = tree.number("\(here)/devnum") {
                return "\(bus):\(device)"
            }
            parts.removeLast()
        }
        return nil
    }

    private func pci() -> Resources.PCI {
        Resources.PCI(
            devices: tree.names("/sys/bus/pci/devices").map { address in
                let device = "/sys/bus/pci/devices/\(address)"
                var identity = identity(device)
                identity.pciAddress = address
                return Resources.PCI.Device(
                    identity, iommuGroup: tree.linkName("\(device)/iommu_group").flatMap { UInt64($0) } ?? 0,
                    vpd: vpd("\(device)/vpd"))
            })
    }

    private func vpd(_ path: String) -> Resources.PCI.VPD {
        guard let bytes = tree.bytes(path, limit: 32768) else { return Resources.PCI.VPD() }
        return VitalProductData.read(bytes)
    }
}
