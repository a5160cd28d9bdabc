import LexAPI

extension HostResources {
    /// Network cards: interfaces with a device behind them, those of one device together.
    func network() -> Resources.Network {
        var cards: [String: Resources.Network.Card] = [:]
        var functions: [String: [Resources.Network.Card]] = [:]
        for name in tree.names("/sys/class/net") {
            let device = "/sys/class/net/\(name)/device"
            guard tree.isThere(device), let real = tree.realPath(device) else { continue }
            let identity = identity(device)
            let place = identity.pciAddress ?? real
            var port = port(name)
            // The kernel is asked of this machine's interfaces only.
            let firmware = tree.root.isEmpty ? PortSettings(name).flatMap { port.add($0) } : nil
            // A virtual function is shown in the card it is a part of.
            if let parent = tree.linkName("\(device)/physfn") {
                var card = Resources.Network.Card(identity)
                card.ports = [port]
                card.firmwareVersion = firmware
                functions[parent, default: []].append(card)
                continue
            }
            var card = cards[place] ?? Resources.Network.Card(identity)
            card.ports = (card.ports ?? []) + [port]
            card.firmwareVersion = firmware ?? card.firmwareVersion
            cards[place] = card
        }
        var total = UInt64(cards.count)
        var result: [Resources.Network.Card] = []
        for (place, card) in cards.sorted(by: { $0.key < $1.key }) {
            var card = card
            if let limits = functionLimits(card.pciAddress) {
                let parts = functions[place] ?? []
                card.sriov = Resources.SRIOV(currentVFs: limits.current, maximumVFs: limits.most, vfs: parts)
                total += UInt64(parts.count)
            }
            result.append(card)
        }
        return Resources.Network(cards: result, total: total)
    }

    private func functionLimits(_ address: String?) -> (current: UInt64, most: UInt64)? {
        guard let address, let most = tree.number("/sys/bus/pci/devices/\(address)/sriov_totalvfs") else { return nil }
        return (tree.number("/sys/bus/pci/devices/\(address)/sriov_numvfs") ?? 0, most)
    }

    private func port(_ name: String) -> Resources.Network.Port {
        let directory = "/sys/class/net/\(name)"
        var port = Resources.Network.Port(id: name)
        port.address = tree.text("\(directory)/address")
        port.port = tree.number("\(directory)/dev_port") ?? 0
        // if_arp.h
        switch tree.text("\(directory)/type") {
        case "1": port.protocol = "ethernet"
        case "32": port.protocol = "infiniband"
        default: port.protocol = "unknown"
        }
        // Nothing can be read of an interface that is down.
        port.linkDetected = tree.text("\(directory)/carrier") == "1"
        port.linkSpeed = tree.text("\(directory)/speed").flatMap { UInt64($0) }
        port.linkDuplex = tree.text("\(directory)/duplex").flatMap { ["full", "half"].contains($0) ? $0 : nil }
        return port
    }

    /// Graphics cards: what has a place below /sys/class/drm, and PCI devices that call themselves displays.
    func gpu() -> Resources.GPU {
        var cards: [String: Resources.GPU.Card] = [:]
        for name in tree.names("/sys/class/drm") {
            let device = "/sys/class/drm/\(name)/device"
            // `card0`, not its plug `card0-HDMI-A-1`.
            guard name.hasPrefix("card"), let number = UInt64(name.dropFirst(4)), let real = tree.realPath(device)
            else {
                continue
            }
            var card = Resources.GPU.Card(identity(device))
            card.drm = drm(number, device)
            cards[card.pciAddress ?? real] = card
        }
        for address in tree.names("/sys/bus/pci/devices") where cards[address] == nil {
            let device = "/sys/bus/pci/devices/\(address)"
            // The base class 3 is a display controller.
            guard let kind = tree.text("\(device)/class"), kind.hasPrefix("0x03") else { continue }
            cards[address] = Resources.GPU.Card(identity(device))
        }
        return Resources.GPU(cards: cards.sorted { $0.key < $1.key }.map(\.value), total: UInt64(cards.count))
    }

    private func drm(_ number: UInt64, _ device: String) -> Resources.GPU.DRM {
        var drm = Resources.GPU.DRM(id: number)
        for name in tree.names("\(device)/drm") {
            guard let place = tree.text("\(device)/drm/\(name)/dev") else { continue }
            if name.hasPrefix("card") {
                drm.cardName = name
                drm.cardDevice = place
            } else if name.hasPrefix("controlD") {
                drm.controlName = name
                drm.controlDevice = place
            } else if name.hasPrefix("renderD") {
                drm.renderName = name
                drm.renderDevice = place
            }
        }
        return drm
    }

    /// USB devices, without the hubs that are part of the machine.
    func usb() -> Resources.USB {
        let base = "/sys/bus/usb/devices"
        return Resources.USB(
            devices: tree.names(base).compactMap { name in
                let directory = "\(base)/\(name)"
                // Interfaces have a colon in their names, root hubs begin with `usb`.
                guard !name.contains(":"), !name.hasPrefix("usb"), let vendor = tree.text("\(directory)/idVendor")
                else {
                    return nil
                }
                let product = tree.text("\(directory)/idProduct") ?? ""
                var device = Resources.USB.Device()
                device.busAddress = tree.number("\(directory)/busnum") ?? 0
                device.deviceAddress = tree.number("\(directory)/devnum") ?? 0
                device.vendorID = vendor
                device.productID = product
                device.vendor = names.usbVendor(vendor) ?? tree.text("\(directory)/manufacturer") ?? ""
                device.product = names.usbProduct(vendor, product) ?? tree.text("\(directory)/product") ?? ""
                device.speed = tree.text("\(directory)/speed").flatMap { Double($0) } ?? 0
                device.interfaces = tree.names(directory).filter { $0.hasPrefix("\(name):") }.map {
                    interface("\(directory)/\($0)")
                }
                return device
            })
    }

    private func interface(_ directory: String) -> Resources.USB.Interface {
        var interface = Resources.USB.Interface()
        func byte(_ file: String) -> UInt64 { tree.text("\(directory)/\(file)").flatMap { UInt64($0, radix: 16) } ?? 0 }
        interface.number = byte("bInterfaceNumber")
        interface.classID = byte("bInterfaceClass")
        interface.class = Self.classes[interface.classID] ?? ""
        interface.subclassID = byte("bInterfaceSubClass")
        if let driver = tree.linkName("\(directory)/driver") {
            interface.driver = driver
            interface.driverVersion = tree.text("/sys/module/\(driver)/version") ?? kernelRelease
        }
        return interface
    }

    /// The kinds of USB interfaces, from the list of their makers' forum (usb.org/defined-class-codes).
    private static let classes: [UInt64: String] = [
        0x01: "Audio", 0x02: "Communications", 0x03: "Human Interface Device", 0x05: "Physical Interface Device",
        0x06: "Imaging", 0x07: "Printer", 0x08: "Mass Storage", 0x09: "Hub", 0x0a: "CDC Data", 0x0b: "Chip/SmartCard",
        0x0d: "Content Security", 0x0e: "Video", 0x0f: "Personal Healthcare", 0x10: "Audio/Video", 0xdc: "Diagnostic",
        0xe0: "Wireless", 0xef: "Miscellaneous Device", 0xfe: "Application Specific Interface",
        0xff: "Vendor Specific Class",
    ]
}
