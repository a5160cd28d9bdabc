import LexAPI
import LexHost
import LexIPC
import LexStorage
import LexStore
import Logging

extension Instances {
    static func volume(_ record: InstanceRecord) throws(APIError) -> VolumeName {
        VolumeName(project: record.project, instance: try InstanceName(record.name))
    }

    /// Checks a wish for a new instance and begins to make it. Everything that can be wrong with the wish is said
    /// here, before anything is changed.
    func create(
        _ wish: Instance.Creation, project: String, requestor: Event.Requestor
    ) async throws -> LexAPI.Operation {
        if wish.type == "virtual-machine" {
            throw APIError.badRequest("lexd runs containers only: leave out the type virtual-machine")
        }
        guard wish.type.isEmpty || wish.type == "container" else {
            throw APIError.badRequest("Invalid instance type \"\(wish.type.prefix(64))\"")
        }
        var wish = wish
        if !wish.instanceType.isEmpty {
            wish.config.merge(try InstanceSize(wish.instanceType).config) { asked, sized in
                asked.isEmpty ? sized : asked
            }
        }
        let name = try wish.name.isEmpty ? await freeName(in: project) : InstanceName(wish.name)
        guard let source = wish.source else { throw APIError.badRequest("The source of the instance is missing") }
        if source.type == "copy" {
            return try await copy(wish, source, name: name, project: project, requestor: requestor)
        }
        guard ["image", "none"].contains(source.type) else {
            let known = ["migration", "backup"].contains(source.type)
            throw APIError.badRequest(
                known
                    ? "This version of lexd makes instances from images, as copies, or empty ones, not with the source "
                        + "type \(source.type)"
                    : "Unknown source type \(source.type.prefix(64))")
        }
        guard source.server.isEmpty else {
            throw APIError.badRequest(
                "This version of lexd takes images of its own only: import it first, or use a template (lx launch "
                    + "template:debian/12)")
        }
        var image: ImageRecord?
        if source.type == "image" {
            if source.protocol == "template" {
                guard try await images.templates().contains(where: { $0.name == source.alias }) else {
                    throw APIError.notFound("There is no template \"\(source.alias)\"")
                }
            } else {
                image = try await images.resolve(source, project: project).value
            }
        }
        let profileNames = try await profileNames(wish, image, project: project)
        let config = Merge.replacement(wish.config)
        for key in config.keys.sorted() where key.hasPrefix("volatile.") && !key.hasSuffix(".hwaddr") {
            throw APIError.badRequest("The key \"\(key)\" is lexd's own and cannot be set at creation")
        }
        let expansion = Expansion(
            try await profiles.resolve(profileNames, project: project), config: config, devices: wish.devices)
        let devices = try expansion.check()
        let pool = try Expansion.rootPool(devices)
        _ = try pools.driver(of: pool)
        try await networks.check(devices, project: project)
        try await volumes.check(devices, project: project)
        try await checkSources(devices, expansion.devices)
        guard try await records.find(name.text, in: project) == nil else {
            throw APIError.conflict("Instance \"\(name)\" already exists")
        }
        let record = InstanceRecord(
            project: project, name: name.text, architecture: host.facts.architecture,
            description: wish.description, ephemeral: wish.ephemeral, profiles: profileNames, config: config,
            devices: wish.devices, createdAt: .now, lastUsedAt: .epoch, pool: pool, image: image?.fingerprint)
        warnOfUnknownCalls(of: record.key, expansion.config)
        let knownImage = image
        return operations.start(
            OperationPlan(
                description: "Creating instance", project: project,
                resources: Self.resources(name.text, legacy: true))
        ) { operation in
            try await self.make(record, from: knownImage, source, operation, requestor)
        }
    }

    /// The profiles that were wished for, else those of the image that are still there.
    private func profileNames(
        _ wish: Instance.Creation, _ image: ImageRecord?, project: String
    ) async throws -> [String] {
        if let names = wish.profiles { return names }
        guard let names = image?.profiles else { return [Project.defaultName] }
        return try await profiles.known(among: names, project: project)
    }

    private func make(
        _ wanted: InstanceRecord, from knownImage: ImageRecord?, _ source: Instance.Source,
        _ operation: RunningOperation, _ requestor: Event.Requestor
    ) async throws {
        var image = knownImage
        if image == nil, source.type == "image" {
            image = try await images.template(
                source.alias, rebuild: false, aliases: [], isCached: true, project: wanted.project,
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
                    var complete = complete
                    complete.metadata = try await images.metadata(of: image, in: driver)
                    try await make(complete, in: driver, template: "create") { [complete] volume in
                        try await driver.create(volume, from: complete.image.flatMap { Fingerprint($0) })
                    }
                }
                try? await images.markUsed(image.fingerprint, project: wanted.project)
            } else {
                try await make(wanted, in: driver, template: "create") { try await driver.create($0, from: nil) }
            }
            lifecycle(
                "instance-created", wanted, context: ["type": "container", "storage-pool": .string(wanted.pool)],
                requestor: requestor)
        }
    }

    /// Makes the volume and the record, the layer being there.
    ///
    /// - Parameters:
    ///   - template: The event whose templates are due at its first start.
    ///   - fill: Makes the volume.
    func make(
        _ wanted: InstanceRecord, in driver: any StorageDriver, template: String,
        fill: (VolumeName) async throws -> Void
    ) async throws {
        try await withRollback(logger) { rollback in
            var record = wanted
            let key = record.key
            let ids = host.ids
            let config = Config<InstanceKeys>(try await expansion(of: record).config)
            let map = try await claimedIDs(of: record, config)
            await rollback.add("give back the id range") { try await blocking { try ids.release(key) } }
            record.config["volatile.apply_template"] = template
            try await setVolatile(&record, base: map.base, map.ids)

            let volume = try Self.volume(record)
            try await fill(volume)
            await rollback.add("remove the volume") {
                try await driver.delete(volume)
                self.pools.sweepSoon()
            }
            // What needs space comes before the record: on a full disk that could not be taken back.
            try await prepareBackup(record)
            let complete = record
            let stored = try await profiles.holding(complete.profiles, project: complete.project) {
                // Again: one may have been changed since the wish was checked.
                let expansion = try await expansion(of: complete)
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

    private func setVolatile(_ record: inout InstanceRecord, base: UInt32, _ ids: IDMap) async throws {
        record.config["volatile.uuid"] = UUIDText.random()
        record.config["volatile.cloud-init.instance-id"] = UUIDText.random()
        record.config["volatile.last_state.idmap"] = "[]"
        setIDMap(&record, base: base, ids)
        try await completeNICs(&record)
    }

    /// Gives every interface that has none a hardware address of its own, kept for good.
    func completeNICs(_ record: inout InstanceRecord) async throws {
        try await completeNICs(&record, try Device.readAll(try await expansion(of: record).devices))
    }

    /// The same for an instance with these devices.
    func completeNICs(_ record: inout InstanceRecord, _ devices: [String: Device]) async throws {
        for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
            guard case .nic(let nic) = device else { continue }
            if nic.hwaddr == nil, nic.hasOwnHardwareAddress, record.config["volatile.\(name).hwaddr"] == nil {
                var taken = try await networks.knownHardwareAddresses()
                for (key, value) in record.config where key.hasSuffix(".hwaddr") {
                    if let own = MACAddress(configText: value) { taken.insert(own) }
                }
                record.config["volatile.\(name).hwaddr"] = networks.newHardwareAddress(avoiding: taken).description
            }
            if nic.name == nil, record.config["volatile.\(name).name"] == nil {
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
            guard case .nic(let nic) = other else { continue }
            let chosen = nic.name ?? record.config["volatile.\(name).name"]
            if let chosen { taken.insert(chosen) }
        }
        if (try? ObjectName.validateInterface(device)) != nil, !taken.contains(device) { return device }
        var number = 0
        while taken.contains("eth\(number)") { number += 1 }
        return "eth\(number)"
    }

    /// A name nobody has, of two words.
    private func freeName(in project: String) async throws -> InstanceName {
        for _ in 0..<100 {
            let name = try InstanceName(PetName.random())
            if try await records.find(name.text, in: project) == nil { return name }
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
    func prepareBackup(_ record: InstanceRecord) async throws {
        struct Backup: Encodable {
            var container: Instance
            var snapshots: [Instance.Snapshot]
            var pool: StoragePool
            var image: String?
            var metadata: InstanceMetadataRecord
        }
        // Not as the pool is shown: to say who uses it takes a look at everything there is.
        guard let pool = try await pools.records.find(record.pool)?.value else {
            throw APIError.notFound("Storage pool not found")
        }
        let backup = Backup(
            container: try await view(record),
            snapshots: try await snapshots(of: record),
            pool: StoragePool(
                name: record.pool, driver: pool.driver, description: pool.description, config: pool.config, usedBy: []),
            image: record.image,
            metadata: (try? await images.metadata.find(record.metadata)) ?? InstanceMetadataRecord())
        let bytes = Array(try JSONCoding.encode(backup))
        try await pools.driver(of: record.pool).prepareBackup(bytes, of: try Self.volume(record))
    }
}
