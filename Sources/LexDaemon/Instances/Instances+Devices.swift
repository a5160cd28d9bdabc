import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexInstance
import Logging

extension Instances {
    /// Brings the disks and device nodes of a running instance to what they are to be. When one is refused, those that
    /// were changed are brought back.
    func bringDevices(_ wanted: InstanceDevices, to instance: LiveInstance) async throws {
        guard let run = instance.run, run.devices.asWanted != wanted else { return }
        let before = run.devices.asWanted
        do {
            try await change(to: wanted, instance, run)
        } catch {
            do { try await change(to: before, instance, run) } catch let second {
                logger.error(
                    "cannot bring back the devices of an instance",
                    metadata: ["instance": "\(instance.key)", "error": "\(second)"])
            }
            throw error
        }
    }

    private func change(to wanted: InstanceDevices, _ instance: LiveInstance, _ run: LiveInstance.Run) async throws {
        var held = instance.run?.devices ?? run.devices
        let resized = wanted.disksInOrder.filter { name, disk in
            held.disks[name].map { disk.differsInSizeAlone(from: $0.disk) } == true
        }
        let stays = Set(resized.map(\.name) + wanted.disks.keys.filter { wanted.disks[$0] == held.disks[$0]?.disk })
        // With a disk goes what is mounted below it, and a new one hides it: that is taken off and given again.
        let changed = (held.asWanted.disksInOrder + wanted.disksInOrder).filter { !stays.contains($0.name) }
        func isBelowOfThose(_ path: String) -> Bool { changed.contains { path.hasPrefix($0.disk.path + "/") } }
        for (name, disk) in held.asWanted.disksInOrder where disk.kind == .memory && stays.contains(name) {
            guard isBelowOfThose(disk.path) else { continue }
            throw APIError.badRequest(
                "Cannot change a disk above \(disk.path) of the running instance: what the file system in memory there, "
                    + "device \"\(name)\", holds would be lost. Stop the instance, or remove that one first")
        }
        for (name, disk) in resized {
            guard let present = held.disks[name] else { continue }
            try await resize(present, to: disk, name, run)
            held.disks[name] = HeldDisk(disk: disk, identity: present.identity)
            try await note(held, instance, run)
        }
        // Deepest first.
        for (name, disk) in held.asWanted.disksInOrder.reversed()
        where wanted.disks[name] != disk || isBelowOfThose(disk.path) {
            guard let present = held.disks[name] else { continue }
            try await host.runtime.unplug(
                UnplugJob(
                    mark: .file(present.identity), path: disk.path, removesFile: disk.kind == .file,
                    isUnprivileged: !run.ids.isEmpty), from: run.process)
            held.disks[name] = nil
            try await note(held, instance, run)
        }
        let nodes = Set(held.nodes.values.joined())
        try await takeNodes(
            nodes.subtracting(wanted.nodesInOrder).union(nodes.filter { isBelowOfThose($0.path) }), &held, instance, run
        )
        for (name, disk) in wanted.disksInOrder where held.disks[name] == nil {
            held.disks[name] = HeldDisk(
                disk: disk,
                identity: try await plug(.disk(disk.mount(run.ids)), disk.path, instance, run) {
                    // Whoever comes after us when we fall here finds it named.
                    var planned = held
                    planned.disks[name] = HeldDisk(disk: disk, identity: .unknown)
                    return planned
                })
            try await note(held, instance, run)
        }
        try await giveNodes(wanted.nodes, &held, instance, run)
    }

    private func resize(
        _ present: HeldDisk, to disk: InstanceDisk, _ name: String, _ run: LiveInstance.Run
    ) async throws {
        do {
            try await host.runtime.resize(
                ResizeJob(identity: present.identity, path: disk.path, size: disk.memorySize), in: run.process)
        } catch let failure as RuntimeFailure {
            throw APIError.badRequest(
                "Cannot give the disk \"\(name)\" of the running instance the size \(disk.memorySize): \(failure)"
                    + (failure.code == EINVAL ? ". It holds more than that" : ""))
        }
    }

    private func takeNodes(
        _ gone: Set<InstanceNode>, _ held: inout HeldDevices, _ instance: LiveInstance, _ run: LiveInstance.Run
    ) async throws {
        for node in gone.sorted(by: { $0.path > $1.path }) {
            var left = held.nodes.mapValues { $0.filter { $0 != node } }
            left = left.filter { !$0.value.isEmpty }
            // Another may be the same device by another name.
            let isStillUsed =
                ContainerConfig.isAlwaysAllowed(node.rule) || left.values.joined().contains { $0.rule == node.rule }
            if !isStillUsed { try await setRule("devices.deny", node.rule, of: instance.key) }
            try await host.runtime.unplug(
                UnplugJob(
                    mark: .node(isBlock: node.kind == .block, major: node.major, minor: node.minor), path: node.path,
                    removesFile: true, isUnprivileged: !run.ids.isEmpty,
                    denied: isStillUsed ? nil : ruleForLXC(node, of: instance.key)), from: run.process)
            held.nodes = left
            try await note(held, instance, run)
        }
    }

    private func giveNodes(
        _ wanted: [String: [InstanceNode]], _ held: inout HeldDevices, _ instance: LiveInstance,
        _ run: LiveInstance.Run
    ) async throws {
        let present = Set(held.nodes.values.joined())
        for (name, nodes) in wanted.sorted(by: { $0.key < $1.key }) {
            for node in nodes where !present.contains(node) {
                var planned = held
                planned.nodes[name, default: []].append(node)
                let mount = try node.mount(run.ids)
                let isAllowed =
                    ContainerConfig.isAlwaysAllowed(node.rule)
                    || held.nodes.values.joined().contains { $0.rule == node.rule }
                do {
                    if !isAllowed { try await setRule("devices.allow", node.rule, of: instance.key) }
                    _ = try await plug(
                        .node(mount), node.path, instance, run,
                        allowed: isAllowed ? nil : ruleForLXC(node, of: instance.key)
                    ) { planned }
                } catch {
                    if !isAllowed { try? await setRule("devices.deny", node.rule, of: instance.key) }
                    throw error
                }
                held = planned
                instance.has(held, in: run)
            }
        }
        // The same nodes may come by other devices now.
        held.nodes = wanted
        try await note(held, instance, run)
    }

    /// - Parameter planned: What the run has when it succeeds.
    private func plug(
        _ thing: PluggedThing, _ path: String, _ instance: LiveInstance, _ run: LiveInstance.Run,
        allowed: DeviceRule? = nil, planned: () -> HeldDevices
    ) async throws -> FileIdentity {
        try await write(planned(), of: instance.key)
        do {
            return try await host.runtime.plug(
                PlugJob(
                    thing: thing, path: path, isUnprivileged: !run.ids.isEmpty,
                    workDirectory: host.paths(of: instance.key).mounts, allowed: allowed), into: run.process)
        } catch let failure as RuntimeFailure {
            throw APIError.badRequest(
                "Cannot give the running instance its device at \(path): \(failure). Stop the instance, or choose another "
                    + "path")
        }
    }

    /// Remembers what a run has, here and for a lexd that comes after this one.
    private func note(_ held: HeldDevices, _ instance: LiveInstance, _ run: LiveInstance.Run) async throws {
        instance.has(held, in: run)
        try await write(held, of: instance.key)
    }

    func write(_ held: HeldDevices, of key: String) async throws {
        let file = host.paths(of: key).devicesFile
        try await blocking {
            // Most have none.
            if held == HeldDevices() { return try replaceFile(file, #"{"disks":{},"nodes":{}}"#.utf8) }
            try replaceFile(file, try JSONEncoder().encode(held))
        }
    }

    /// The disks and device nodes of an instance that was found running.
    func presentDevices(of record: InstanceRecord) async -> HeldDevices {
        do {
            let file = host.paths(of: record.key).devicesFile
            let held = try await blocking { () -> HeldDevices? in
                guard access(file, F_OK) == 0 else { return nil }
                return try JSONDecoder().decode(HeldDevices.self, from: Data(try readFile(file, limit: 16 << 20).utf8))
            }
            if let held { return held }
            // A lexd that kept no such file started it: then it has what it is to have.
            let devices = try Device.readAll(try await expansion(of: record).devices)
            let wanted = try await wanted(devices, project: record.project)
            return HeldDevices(
                disks: wanted.disks.mapValues { HeldDisk(disk: $0, identity: .unknown) }, nodes: wanted.nodes)
        } catch {
            logger.error(
                "cannot tell the devices of an instance", metadata: ["instance": "\(record.key)", "error": "\(error)"])
            return HeldDevices()
        }
    }

    // MARK: what may be opened

    /// With control groups v2 liblxc has to set it, whose program judges devices there; the helper asks it.
    private func ruleForLXC(_ node: InstanceNode, of key: String) -> DeviceRule? {
        guard host.cgroups.isUnified else { return nil }
        return DeviceRule(
            name: InstanceHost.flatName(key), lxcPath: host.paths(of: key).lxcPath, rule: node.rule)
    }

    /// Changes the rules about devices of a running instance, with control groups v1.
    private func setRule(_ file: String, _ rule: String, of key: String) async throws {
        guard let directory = host.cgroups.directory("devices", host.paths(of: key).payloadGroup) else { return }
        let cgroups = host.cgroups
        try await blocking {
            try writeKernelFile("\(directory)/\(file)", rule)
            guard file == "devices.allow" else { return }
            // What is allowed above is not by itself below; what is denied is. Groups of the guest's come and go.
            for group in cgroups.groupsBelow(directory).prefix(4096) {
                try? writeKernelFile("\(group)/\(file)", rule)
            }
        }
    }
}

/// Runs a body with a control group that is removed again.
func withGroup<Result>(_ directory: String, _ body: () -> Result) throws -> Result {
    if mkdir(directory, 0o755) != 0, errno != EEXIST { throw SystemError("make the control group", directory) }
    defer { rmdir(directory) }
    return body()
}

/// Whether there is such a file.
func isFile(_ path: String) -> Bool { access(path, F_OK) == 0 }
