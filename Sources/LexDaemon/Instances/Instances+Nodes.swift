import LexAPI
import LexHost
import LexIPC
import LexInstance
import Logging
import Synchronization

extension Instances {
    /// The nodes of a device on this host at this moment.
    ///
    /// - Parameter present: What a running instance has of it.
    func nodes(_ name: String, _ device: Device, present: [InstanceNode]) async throws -> [InstanceNode] {
        switch device {
        case .unix(let kind, let config): return try await unixNode(name, kind, config, present: present)
        case .hotplug(let config):
            let (vendor, product) = (try config[\.vendorID]?.number, try config[\.productID]?.number)
            let hardware = hardware
            let found = try await blocking { hardware.belonging(vendor: vendor, product: product) }
            return try Self.nodes(
                name, found, config.owner(\.owner), isRequired: try config[\.required] == true, present: present)
        case .usb(let config):
            let (vendor, product) = (try config[\.vendorID]?.number, try config[\.productID]?.number)
            let hardware = hardware
            let found = try await blocking { hardware.usb(vendor: vendor, product: product) }
            return try Self.nodes(
                name, found, config.owner(\.owner), isRequired: try config[\.required] == true, present: present)
        case .gpu(let config):
            let wanted = HostDevices.GPU(
                card: try config[\.id], pci: try config[\.pci]?.text, vendor: try config[\.vendorID]?.number,
                product: try config[\.productID]?.number)
            let hardware = hardware
            let found = try await blocking { hardware.gpus(wanted) }
            return try Self.nodes(name, found, config.owner(\.owner), isRequired: true, present: present)
        default: return []
        }
    }

    /// What hardware there is.
    private var hardware: HostDevices { HostDevices() }

    private func unixNode(
        _ name: String, _ kind: Device.NodeKind, _ config: Config<UnixKeys>, present: [InstanceNode]
    ) async throws -> [InstanceNode] {
        guard let source = try (config[\.source] ?? config[\.path])?.text else { return [] }
        let path = DevicePath.plain(try config[\.path]?.text ?? source)
        let owner = try config.owner(\.owner)
        func node(_ major: UInt32, _ minor: UInt32) -> InstanceNode {
            InstanceNode(
                path: path, kind: kind, major: major, minor: minor, mode: owner.mode, user: owner.user,
                group: owner.group)
        }
        if let major = try config[\.major], let minor = try config[\.minor] {
            return [node(UInt32(clamping: major), UInt32(clamping: minor))]
        }
        let isRequired = try config[\.required] == true
        if !isRequired { deviceChanges.withLock { $0 }?.watch(source) }
        let word = kind == .block ? "block" : "character"
        guard let found = try await blocking({ try HostDevices.node(at: source) }) else {
            if !isRequired { return [] }
            if let old = present.first, old.path == path { return [old] }
            throw APIError.badRequest(
                "Cannot use the device \"\(name)\": there is no \(word) device \(source) on this host. Give another source, "
                    + "its numbers as major and minor, or required=false to wait for it")
        }
        guard found.isBlock == (kind == .block) else {
            throw APIError.badRequest(
                "Cannot use the device \"\(name)\": \(source) is no \(word) device. Choose the type "
                    + "unix-\(found.isBlock ? "block" : "char")")
        }
        return [node(found.major, found.minor)]
    }

    private static func nodes(
        _ name: String, _ found: [HostDevice], _ owner: NodeOwner, isRequired: Bool, present: [InstanceNode]
    ) throws(APIError) -> [InstanceNode] {
        if found.isEmpty, isRequired {
            if !present.isEmpty { return present }
            throw .badRequest(
                "Cannot use the device \"\(name)\": this host has no such hardware. See what it has: lx info --resources"
            )
        }
        return found.map { device in
            InstanceNode(
                path: device.path, kind: device.isBlock ? .block : .char, major: device.major, minor: device.minor,
                mode: owner.mode, user: owner.user, group: owner.group)
        }
    }

    // MARK: hardware that comes and goes

    /// Gives running instances the hardware that comes, and takes what goes, until the task is cancelled.
    func followHardware() async {
        let changes: DeviceChanges
        do { changes = try DeviceChanges() } catch {
            logger.warning("cannot follow hardware that comes and goes", metadata: ["error": "\(error)"])
            return
        }
        deviceChanges.withLock { $0 = changes }
        var online = CPUList.online()
        while !Task.isCancelled {
            await lookAtHardware()
            let now = CPUList.online()
            if now != online {
                logger.info("the host has other CPUs on now", metadata: ["cpus": "\(CPUList.text(now))"])
                await rebalanceCPUs(except: nil, freesOthers: true)
                online = now
            }
            do { try await changes.next() } catch is CancellationError { return } catch {
                logger.error("cannot wait for hardware; trying again", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func lookAtHardware() async {
        for key in activeKeys.sorted() {
            do {
                guard let record = try await records.find(key)?.value, try await followsHardware(record) else {
                    continue
                }
                try await locks.with(key) {
                    let instance = liveInstance(key)
                    guard let run = instance.run, let record = try await records.find(key)?.value else { return }
                    let devices = try Device.readAll(try await expansion(of: record).devices)
                    var wanted = InstanceDevices(disks: run.devices.disks.mapValues(\.disk))
                    wanted.nodes = try await self.wanted(
                        devices.filter { $0.value.isNode }, project: record.project, present: run.devices
                    ).nodes
                    try await bringDevices(wanted, to: instance)
                }
            } catch {
                logger.error(
                    "cannot give an instance hardware that has come, or take what has gone",
                    metadata: ["instance": "\(key)", "error": "\(error)"])
            }
        }
    }

    /// Whether an instance has a device that comes and goes.
    private func followsHardware(_ record: InstanceRecord) async throws -> Bool {
        let expansion = Expansion(
            try await presentProfiles(of: record), config: record.config, devices: record.devices)
        return expansion.devices.values.contains { options in
            let required = options["required"].flatMap { Bool(configText: $0) }
            switch options["type"] {
            case "unix-char", "unix-block": return required == false
            case "unix-hotplug", "usb": return required != true
            default: return false
            }
        }
    }
}

extension Device {
    fileprivate var isNode: Bool {
        switch self {
        case .unix, .hotplug, .usb, .gpu: true
        default: false
        }
    }
}

/// Whose a device node is inside, and with what rights.
private struct NodeOwner {
    let user: UInt32
    let group: UInt32
    let mode: UInt32
}

extension Config {
    fileprivate func owner(_ keys: KeyPath<Keys, NodeOwnerKeys>) throws(APIError) -> NodeOwner {
        NodeOwner(
            user: UInt32(clamping: try self[keys.appending(path: \.uid)] ?? 0),
            group: UInt32(clamping: try self[keys.appending(path: \.gid)] ?? 0),
            mode: try self[keys.appending(path: \.mode)]?.bits ?? 0o660)
    }
}
