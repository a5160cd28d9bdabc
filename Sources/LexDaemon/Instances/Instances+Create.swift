import LexAPI
import LexHost
import LexStorage
import LexStore
import Logging

extension Instances {
    static func volume(_ record: InstanceRecord) throws(APIError) -> VolumeName {
        VolumeName(project: record.project, instance: try InstanceName(record.name))
    }

    /// Checks a wish for a new instance and begins to make it. Everything that can be wrong with the wish is said
    /// here, before anything is changed.
    func create(_ wish: Instance.Creation, requestor: Event.Requestor) async throws -> LexAPI.Operation {
        if wish.type == "virtual-machine" {
            throw APIError.badRequest("lexd runs containers only: leave out the type virtual-machine")
        }
        guard wish.type.isEmpty || wish.type == "container" else {
            throw APIError.badRequest("Invalid instance type \"\(wish.type.prefix(64))\"")
        }
        guard wish.instanceType.isEmpty else {
            throw APIError.badRequest("This version of lexd knows no instance types: set limits.cpu and limits.memory")
        }
        let name = try wish.name.isEmpty ? await freeName() : InstanceName(wish.name)
        guard let source = wish.source else { throw APIError.badRequest("The source of the instance is missing") }
        guard ["image", "none"].contains(source.type) else {
            let known = ["migration", "copy", "backup"].contains(source.type)
            throw APIError.badRequest(
                known
                    ? "This version of lexd makes instances from images or empty ones, not with the source type "
                        + "\(source.type)"
                    : "Unknown source type \(source.type.prefix(64))")
        }
        guard source.server.isEmpty else {
            throw APIError.badRequest(
                "This version of lexd takes images of its own only: import it first, or use a template (lx launch "
                    + "template:debian/12)")
        }
        let profileNames = wish.profiles ?? [Project.defaultName]
        let config = Merge.replacement(wish.config)
        for key in config.keys.sorted() where key.hasPrefix("volatile.") && !key.hasSuffix(".hwaddr") {
            throw APIError.badRequest("The key \"\(key)\" is lexd's own and cannot be set at creation")
        }
        let expansion = Expansion(
            try await profiles.resolve(profileNames), config: config, devices: wish.devices)
        let devices = try expansion.check()
        let pool = try Expansion.rootPool(devices)
        _ = try pools.driver(of: pool)
        try await networks.check(devices)
        guard try await records.find("\(Project.defaultName)/\(name)") == nil else {
            throw APIError.conflict("Instance \"\(name)\" already exists")
        }
        var image: ImageRecord?
        if source.type == "image" {
            if source.protocol == "template" {
                guard try await images.templates().contains(where: { $0.name == source.alias }) else {
                    throw APIError.notFound("There is no template \"\(source.alias)\"")
                }
            } else {
                image = try await images.resolve(source).value
            }
        }
        let record = InstanceRecord(
            project: Project.defaultName, name: name.text, architecture: host.facts.architecture,
            description: wish.description, ephemeral: wish.ephemeral, profiles: profileNames, config: config,
            devices: wish.devices, createdAt: .now, lastUsedAt: .epoch, pool: pool, image: image?.fingerprint)
        let knownImage = image
        return operations.start(
            OperationPlan(description: "Creating instance", resources: Self.resources(name.text, legacy: true))
        ) { operation in
            try await self.make(record, from: knownImage, source, operation, requestor)
        }
    }

    private func make(
        _ wanted: InstanceRecord, from knownImage: ImageRecord?, _ source: Instance.Source,
        _ operation: RunningOperation, _ requestor: Event.Requestor
    ) async throws {
        var image = knownImage
        if image == nil, source.type == "image" {
            image = try await images.template(
                source.alias, rebuild: false, aliases: [], isCached: true,
                progress: { operation.set("build_progress", .string($0)) }, requestor: requestor)
        }
        let finalImage = image
        try await locks.with(wanted.key) {
            guard try await records.find(wanted.key) == nil else {
                throw APIError.conflict("Instance \"\(wanted.name)\" already exists")
            }
            let driver = try pools.driver(of: wanted.pool)
            if let image = finalImage {
                var record = wanted
                try Self.take(image, into: &record, on: host.facts)
                let complete = record
                try await images.withLayer(
                    of: image, in: driver,
                    progress: { operation.set("download_progress", .string("Unpack: \($0)")) }
                ) {
                    try await make(complete, in: driver)
                }
                try? await images.markUsed(image.fingerprint)
            } else {
                try await make(wanted, in: driver)
            }
            lifecycle(
                "instance-created", wanted.name, context: ["type": "container", "storage-pool": .string(wanted.pool)],
                requestor: requestor)
        }
    }

    /// Makes the volume and the record, the layer being there.
    private func make(_ wanted: InstanceRecord, in driver: any StorageDriver) async throws {
        try await withRollback(logger) { rollback in
            var record = wanted
            let key = record.key
            let ids = host.ids
            let base = try await blocking { try ids.claim(key, wanted: nil) }
            await rollback.add("give back the id range") { try await blocking { try ids.release(key) } }
            try await setVolatile(&record, base: base)

            let volume = try Self.volume(record)
            try await driver.create(volume, from: record.image.flatMap { Fingerprint($0) })
            await rollback.add("remove the volume") {
                try await driver.delete(volume)
                self.pools.sweepSoon()
            }
            // What needs space comes before the record: on a full disk that could not be taken back.
            try await prepareBackup(record)
            let complete = record
            let stored = try await profiles.holding(complete.profiles) {
                // Again: one may have been changed since the wish was checked.
                let expansion = Expansion(
                    try await profiles.resolve(complete.profiles), config: complete.config, devices: complete.devices)
                guard try Expansion.rootPool(try expansion.check()) == complete.pool else {
                    throw APIError.conflict(
                        "A profile of the instance was changed meanwhile: its root disk would be in another pool")
                }
                return try await records.create(key, complete)
            }
            await rollback.add("remove the record") { try await self.records.delete(stored) }
            try await driver.finishBackup(of: volume)
        }
    }

    /// What an image gives to the instance made from it.
    private static func take(_ image: ImageRecord, into record: inout InstanceRecord, on facts: HostFacts) throws {
        guard facts.architectures.contains(where: { sameArchitecture($0, image.architecture) }) else {
            throw APIError.badRequest(
                "The image is for \(image.architecture), and this machine runs \(facts.architectures.joined(separator: " and "))"
            )
        }
        record.image = image.fingerprint
        record.architecture =
            facts.architectures.first { sameArchitecture($0, image.architecture) } ?? record.architecture
        for (key, value) in image.properties where record.config["image.\(key)"] == nil {
            record.config["image.\(key)"] = value
        }
        record.config["volatile.base_image"] = image.fingerprint
    }

    /// Debian's names of architectures are taken as well as the kernel's.
    private static func sameArchitecture(_ kernel: String, _ image: String) -> Bool {
        let aliases = [
            "x86_64": ["amd64"], "i686": ["i386", "i586", "386"], "aarch64": ["arm64"], "armv7l": ["armhf"],
            "ppc64le": ["ppc64el"], "s390x": [], "riscv64": [],
        ]
        return kernel == image || aliases[kernel]?.contains(image) == true
    }

    private func setVolatile(_ record: inout InstanceRecord, base: UInt32) async throws {
        record.config["volatile.uuid"] = UUIDText.random()
        record.config["volatile.cloud-init.instance-id"] = UUIDText.random()
        record.config["volatile.apply_template"] = "create"
        record.config["volatile.last_state.idmap"] = "[]"
        setIDMap(&record, base: base)
        try await completeNICs(&record)
    }

    /// Notes the id range an instance will be started with.
    func setIDMap(_ record: inout InstanceRecord, base: UInt32) {
        record.config["volatile.idmap.base"] = String(base)
        record.config["volatile.idmap.next"] = Self.idMapText(base)
    }

    /// An id map as LXD writes it.
    static func idMapText(_ base: UInt32?) -> String {
        guard let base else { return "[]" }
        return "[\(line(isUser: true)),\(line(isUser: false))]"
        func line(isUser: Bool) -> String {
            "{\"Isuid\":\(isUser),\"Isgid\":\(!isUser),\"Hostid\":\(base),\"Nsid\":0,\"Maprange\":\(IDRanges.size)}"
        }
    }

    /// Gives every interface that has none a hardware address of its own, kept for good.
    func completeNICs(_ record: inout InstanceRecord) async throws {
        let expansion = Expansion(
            try await profiles.resolve(record.profiles), config: record.config, devices: record.devices)
        let devices = try Device.readAll(expansion.devices)
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .nic(let config) = device else { continue }
            if try config[\.hwaddr] == nil, record.config["volatile.\(name).hwaddr"] == nil {
                var taken = try await networks.knownHardwareAddresses()
                for (key, value) in record.config where key.hasSuffix(".hwaddr") {
                    if let own = MACAddress(configText: value) { taken.insert(own) }
                }
                record.config["volatile.\(name).hwaddr"] = networks.newHardwareAddress(avoiding: taken).description
            }
            if try config[\.name] == nil, record.config["volatile.\(name).name"] == nil {
                record.config["volatile.\(name).name"] = Self.insideName(for: name, devices, record)
            }
        }
        // What belongs to devices that are gone goes with them.
        for key in record.config.keys where key.hasPrefix("volatile.") {
            guard let (device, _) = InstanceKeys.Volatile.device(of: key) else { continue }
            if case .nic = devices[device] { continue }
            record.config[key] = nil
        }
    }

    /// The device's own name where that is an interface's, else the first free `ethN`.
    private static func insideName(
        for device: String, _ devices: [String: Device], _ record: InstanceRecord
    ) -> String {
        var taken: Set<String> = []
        for (name, other) in devices where name != device {
            guard case .nic(let config) = other else { continue }
            let chosen = (try? config[\.name])??.text ?? record.config["volatile.\(name).name"]
            if let chosen { taken.insert(chosen) }
        }
        if (try? ObjectName.validateInterface(device)) != nil, !taken.contains(device) { return device }
        var number = 0
        while taken.contains("eth\(number)") { number += 1 }
        return "eth\(number)"
    }

    /// A name nobody has, of two words.
    private func freeName() async throws -> InstanceName {
        for _ in 0..<100 {
            let name = try InstanceName(PetName.random())
            if try await records.find("\(Project.defaultName)/\(name)") == nil { return name }
        }
        throw APIError.failed("cannot find a free name for the instance: give it one")
    }

    /// Writes the copy of an instance's settings that lies beside its files: `lexd recover` reads it when the store is
    /// lost. JSON is YAML.
    func writeBackup(_ record: InstanceRecord) async throws {
        try await prepareBackup(record)
        try await pools.driver(of: record.pool).finishBackup(of: try Self.volume(record))
    }

    /// Writes that copy under another name.
    private func prepareBackup(_ record: InstanceRecord) async throws {
        struct Backup: Encodable {
            var container: Instance
            var pool: StoragePool
            var image: String?
        }
        let pool = try await pools.get(record.pool)
        let backup = Backup(
            container: try await view(record),
            pool: StoragePool(
                name: pool.name, driver: pool.driver, description: pool.description, config: pool.config, usedBy: []),
            image: record.image)
        let bytes = Array(try JSONCoding.encode(backup))
        try await pools.driver(of: record.pool).prepareBackup(bytes, of: try Self.volume(record))
    }
}
