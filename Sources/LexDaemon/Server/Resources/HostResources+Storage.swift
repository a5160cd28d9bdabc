import LexAPI

extension HostResources {
    /// Disks: block devices with a device behind them. Loops, device mapper and memory disks have none.
    func storage() -> Resources.Storage {
        let byID = links("/dev/disk/by-id")
        let byPath = links("/dev/disk/by-path")
        return Resources.Storage(
            disks: tree.names("/sys/class/block").compactMap { name in
                let directory = "/sys/class/block/\(name)"
                guard tree.isThere("\(directory)/device"), !tree.isThere("\(directory)/partition"),
                    let number = tree.text("\(directory)/dev")
                else { return nil }
                var disk = disk(name, number, directory)
                disk.deviceID = byID[name] ?? ""
                disk.devicePath = byPath[name]
                return disk
            })
    }

    private func disk(_ name: String, _ number: String, _ directory: String) -> Resources.Storage.Disk {
        var disk = Resources.Storage.Disk(id: name, device: number)
        let identity = identity("\(directory)/device")
        disk.numaNode = identity.numaNode
        disk.pciAddress = identity.pciAddress
        disk.usbAddress = identity.usbAddress
        disk.model = tree.text("\(directory)/device/model")
        disk.type = type(name, directory)
        disk.readOnly = tree.text("\(directory)/ro") == "1"
        disk.removable = tree.text("\(directory)/removable") == "1"
        disk.size = bytes("\(directory)/size")
        disk.wwn = tree.text("\(directory)/wwid") ?? tree.text("\(directory)/device/wwid")
        disk.blockSize = tree.number("\(directory)/queue/physical_block_size") ?? 0
        disk.firmwareVersion =
            tree.text("\(directory)/device/firmware_rev") ?? tree.text("\(directory)/device/rev")
        disk.serial = tree.text("\(directory)/device/serial") ?? tree.text("\(directory)/serial")
        // What turns has no better number here; LXD, too, says 1.
        disk.rpm = tree.text("\(directory)/queue/rotational") == "1" ? 1 : 0
        disk.partitions = tree.names(directory).compactMap { partition in
            let below = "\(directory)/\(partition)"
            guard let index = tree.number("\(below)/partition"), let number = tree.text("\(below)/dev") else {
                return nil
            }
            return Resources.Storage.Partition(
                id: partition, device: number, readOnly: tree.text("\(below)/ro") == "1", size: bytes("\(below)/size"),
                partition: index)
        }
        return disk
    }

    /// The kernel counts in blocks of 512 bytes, whatever the disk's are.
    private func bytes(_ path: String) -> UInt64 {
        let (bytes, isTooMuch) = (tree.number(path) ?? 0).multipliedReportingOverflow(by: 512)
        return isTooMuch ? 0 : bytes
    }

    private func type(_ name: String, _ directory: String) -> String? {
        let real = tree.realPath("\(directory)/device") ?? ""
        if real.contains("/usb") { return "usb" }
        if real.contains("/ata") { return "sata" }
        return tree.linkName("\(directory)/device/subsystem")
    }

    /// The names of links in a directory, by the last part of what they point to.
    private func links(_ directory: String) -> [String: String] {
        var links: [String: String] = [:]
        for name in tree.names(directory) {
            guard let target = tree.linkName("\(directory)/\(name)"), links[target] == nil else { continue }
            links[target] = name
        }
        return links
    }
}
