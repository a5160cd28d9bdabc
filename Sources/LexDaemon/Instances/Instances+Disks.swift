import FoundationEssentials
import LexAPI
import LexHost
import LexIPC
import LexInstance
import LexStorage
import Logging

extension Instances {
    /// The disks and device nodes that devices stand for on this host at this moment.
    ///
    /// - Parameter present: What a running instance has. What it has already stays with it when its source has gone.
    func wanted(
        _ devices: [String: Device], project: String, present: HeldDevices = HeldDevices()
    ) async throws -> InstanceDevices {
        var wanted = InstanceDevices()
        var taken: [String: String] = [:]
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            switch device {
            case .volume(let config): wanted.disks[name] = try await volumes.disk(name, config, project: project)
            case .bind(let config):
                wanted.disks[name] = try await hostDisk(name, config, present: present.disks[name]?.disk)
            case .unix, .hotplug, .usb, .gpu:
                var nodes: [InstanceNode] = []
                for node in try await self.nodes(name, device, present: present.nodes[name] ?? []) {
                    if let other = taken.updateValue(name, forKey: node.path), other != name {
                        guard case .unix = device else { continue }
                        throw APIError.badRequest(
                            "More than one device uses the same path \"\(node.path)\": \"\(other)\" and \"\(name)\"")
                    }
                    nodes.append(node)
                }
                if !nodes.isEmpty { wanted.nodes[name] = nodes }
            case .absent(let absent): try absent.refuse(name)
            case .disk, .nic, .proxy, .none: break
            }
        }
        return wanted
    }

    /// Throws when something of the host's that an instance needs is not there, as far as it did not have it before.
    func checkSources(
        _ devices: [String: Device], _ options: [String: [String: String]],
        before: [String: [String: String]] = [:]
    ) async throws {
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) where options[name] != before[name] {
            guard case .bind(let config) = device else { continue }
            _ = try await hostDisk(name, config, present: nil)
        }
    }

    private func hostDisk(
        _ name: String, _ config: Config<HostDiskKeys>, present: InstanceDisk?
    ) async throws -> InstanceDisk? {
        guard let source = try config[\.source]?.text, let path = try config[\.path].map({ DevicePath.plain($0.text) })
        else { throw APIError.badRequest("The device \"\(name)\" has no source or path") }
        var words = MountWords(try config[\.rawMountOptions]?.words ?? [])
        if try config[\.readonly] == true { words.flags.insert(.readOnly) }
        if try config[\.recursive] == true { words.flags.insert(.recursive) }
        var disk = InstanceDisk(
            source: source, path: path, flags: words.flags, propagation: try config[\.propagation],
            isMapped: try config[\.shift] == true, options: words.rest)
        if source == HostDiskKeys.memorySource {
            disk.source = ""
            disk.kind = .memory
            disk.isMapped = true
            if let size = try config[\.size] { disk.options.append("size=\(size.bytes)") }
            return disk
        }
        switch try await blocking({ try BlockDevices.kind(of: source) }) {
        case nil:
            if let present, present.source == source, present.path == path { return present }
            guard try config.isRequired else { return nil }
            throw APIError.badRequest("Missing source path \"\(source)\" for disk \"\(name)\"")
        case .directory: disk.kind = .directory
        case .block:
            disk.kind = .device
            disk.flags.remove(.recursive)
            disk.fileSystem =
                if let present, present.kind == .device, present.source == source { present.fileSystem } else {
                    try await fileSystem(on: source, name)
                }
            return disk
        case .file, .character:
            guard try config[\.recursive] != true else {
                throw APIError.badRequest(
                    "Invalid device \"\(name)\": The recursive option is only supported for additional bind-mounted "
                        + "paths, and \(source) is a file")
            }
            disk.kind = .file
        }
        guard words.rest.isEmpty else {
            throw APIError.badRequest(
                "Invalid device \"\(name)\": \"\(words.rest[0])\" in raw.mount.options is an option of a file system, and "
                    + "\(source) is no block device. Allowed for it: \(MountWords.known)")
        }
        return disk
    }

    private func fileSystem(on device: String, _ name: String) async throws -> String {
        let output = try await Tool("blkid").run(["-p", "-o", "value", "-s", "TYPE", "--", device])
        let type = output.text.filter { !$0.isWhitespace }
        guard output.status == 0, !type.isEmpty else {
            throw APIError.badRequest(
                "Cannot use the device \"\(name)\": no file system is found on the block device \(device). Make one on it, "
                    + "or give the device itself with the type unix-block")
        }
        return type
    }

    // MARK: limits

    /// What the disks of an instance may be read and written, by block device.
    func diskLimits(_ devices: [String: Device], of record: InstanceRecord) async throws -> [LiveLimit] {
        var found: [String: [DiskRates]] = [:]
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard let (rates, path) = try await limitedPath(name, device, of: record) else { continue }
            let disks = try await blocking { () -> Set<String>? in
                try BlockDevices.kind(of: path) == nil ? nil : BlockDevices.under(path)
            }
            guard let disks else { continue }
            guard !disks.isEmpty else {
                throw APIError.badRequest(
                    "Cannot limit the device \"\(name)\": no disk of this host is found below \(path). Leave its options "
                        + "limits.* out")
            }
            for disk in disks { found[disk, default: []].append(rates) }
        }
        return found.sorted { $0.key < $1.key }.map { LiveLimits.throttle($0.key, DiskRates.mean($0.value)) }
    }

    private func limitedPath(
        _ name: String, _ device: Device, of record: InstanceRecord
    ) async throws -> (DiskRates, String)? {
        switch device {
        case .disk(let config):
            let rates = try config.rates(\.limits)
            if rates.isEmpty { return nil }
            let root = try await pools.driver(of: record.pool).root(
                of: try Self.volume(record), from: record.image.flatMap { Fingerprint($0) })
            switch root {
            case .overlay(_, let directory), .directory(let directory), .shiftedDirectory(let directory):
                return (rates, directory)
            }
        case .volume(let config):
            let rates = try config.rates(\.limits)
            return rates.isEmpty
                ? nil : (rates, try await volumes.disk(name, config, project: record.project).source)
        case .bind(let config):
            let rates = try config.rates(\.limits)
            guard !rates.isEmpty, let source = try config[\.source]?.text else { return nil }
            return (rates, source)
        default: return nil
        }
    }

    /// What `limits.disk.priority` is written to with this kernel; throws when it has no weights for disks.
    func diskWeightFile() async throws -> String {
        let cgroups = host.cgroups
        let probe = host.cgroupPrefix + ".probe"
        let names = cgroups.isUnified ? ["io.weight", "io.bfq.weight"] : ["blkio.weight", "blkio.bfq.weight"]
        let found = try await blocking { () -> String? in
            guard let directory = cgroups.directory(cgroups.isUnified ? "io" : "blkio", probe) else { return nil }
            // The uppermost group has no weight.
            return try withGroup(directory) { names.first { isFile("\(directory)/\($0)") } }
        }
        if let found { return found }
        throw APIError.badRequest(
            "Cannot apply limits.disk.priority: this kernel has no weights for disks (no file \(names.joined(separator: " or ")) "
                + "in its control groups). Take the key away, or limit disks by their options limits.read and limits.write"
        )
    }
}

extension Config<HostDiskKeys> {
    /// Whether an instance cannot be without it.
    var isRequired: Bool {
        get throws(APIError) {
            if values["required", default: ""].isEmpty, let optional = try self[\.optional], optional { return false }
            return try self[\.required] ?? true
        }
    }
}

extension Config {
    /// The rates among the options of a disk.
    fileprivate func rates(_ limits: KeyPath<Keys, DiskLimitKeys>) throws(APIError) -> DiskRates {
        DiskRates(
            read: try self[limits.appending(path: \.read)], write: try self[limits.appending(path: \.write)],
            max: try self[limits.appending(path: \.max)])
    }
}

/// The words of `raw.mount.options`: those every mount takes, and those that are its file system's.
struct MountWords {
    var flags: DiskMount.Flags = []
    var rest: [String] = []

    init(_ words: [String]) {
        for word in words {
            if let flag = Self.flags[word] {
                flags.insert(flag)
            } else if !Self.defaults.contains(word) {
                rest.append(word)
            }
        }
    }

    /// All that are known, for an error message.
    static var known: String { (flags.keys.sorted() + defaults.sorted()).joined(separator: ", ") }

    private static let flags: [String: DiskMount.Flags] = [
        "ro": .readOnly, "nosuid": .noSUID, "nodev": .noDevices, "noexec": .noExecution, "noatime": .noAccessTime,
        "nodiratime": .noDirectoryAccessTime, "strictatime": .strictAccessTime,
    ]
    private static let defaults: Set<String> = [
        "rw", "suid", "dev", "exec", "atime", "diratime", "relatime", "defaults", "bind",
    ]
}
