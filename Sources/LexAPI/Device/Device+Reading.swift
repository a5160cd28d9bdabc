extension Device {
    /// Whether a device node is one of characters or of blocks.
    public enum NodeKind: String, Sendable, Codable, Hashable {
        /// A stream of bytes.
        case char
        /// A disk.
        case block
    }

    /// What a device of type `disk` is: by its path the root, by its pool a volume, else something of the host's.
    static func disk(
        _ name: String, _ options: [String: String], unknown: (String) -> String
    ) throws(APIError) -> Device {
        func invalid(_ why: String) -> APIError { .badRequest("Invalid device \"\(name)\": \(why)") }
        if options["path"] == "/" {
            guard options["source", default: ""].isEmpty else {
                throw invalid("Root disk entry may not have a \"source\" property set")
            }
            for (key, why) in rootRefusals where options[key] != nil { throw invalid(why) }
            let config = Config<DiskKeys>(options)
            try config.validate(unknown: unknown)
            if options["required"]?.isEmpty == false, options["optional"]?.isEmpty == false {
                throw invalid("Cannot use both \"required\" and deprecated \"optional\" properties at the same time")
            }
            return .disk(config)
        }
        guard options["source"]?.isEmpty == false else {
            throw invalid("Disk entry is missing the required \"source\" property")
        }
        guard options["path"]?.isEmpty == false else {
            throw invalid("Disk entry is missing the required \"path\" property")
        }
        guard options["pool"]?.isEmpty == false else { return .bind(try hostDisk(name, options, unknown: unknown)) }
        if options["size"] != nil { throw invalid("Only the root disk may have a size quota") }
        if options["shift"] != nil {
            throw invalid("The \"shift\" property cannot be used with custom storage volumes")
        }
        let config = Config<VolumeDiskKeys>(options)
        try config.validate(unknown: unknown)
        return .volume(config)
    }

    /// What disks of other kinds may have.
    private static let rootRefusals = [
        (
            "shift",
            "The option shift is for directories of the host: the files of a root disk have its owners. Leave it out"
        ),
        (
            "recursive",
            "The recursive option is only supported for additional bind-mounted paths, and this is the root disk"
        ),
        ("ceph.cluster_name", "the option ceph.cluster_name is for Ceph, which this version of lexd has not"),
        ("ceph.user_name", "the option ceph.user_name is for Ceph, which this version of lexd has not"),
    ]

    private static func hostDisk(
        _ name: String, _ options: [String: String], unknown: (String) -> String
    ) throws(APIError) -> Config<HostDiskKeys> {
        func invalid(_ why: String) -> APIError { .badRequest("Invalid device \"\(name)\": \(why)") }
        for key in ["ceph.cluster_name", "ceph.user_name"] where options[key] != nil {
            throw invalid("the option \(key) is for Ceph, which this version of lexd has not")
        }
        let config = Config<HostDiskKeys>(options)
        try config.validate(unknown: unknown)
        if options["required"]?.isEmpty == false, options["optional"]?.isEmpty == false {
            throw invalid("Cannot use both \"required\" and deprecated \"optional\" properties at the same time")
        }
        if options["source"] != HostDiskKeys.memorySource {
            if options["size"] != nil {
                throw invalid("Only the root disk may have a size quota, and a disk with the source tmpfs:")
            }
        } else {
            for key in ["shift", "recursive"] where options[key].flatMap({ Bool(configText: $0) }) == true {
                throw invalid("the option \(key) means nothing for the source tmpfs:; leave it out")
            }
            for key in ["limits.read", "limits.write", "limits.max"] where options[key]?.isEmpty == false {
                throw invalid("the option \(key) is for disks, and the source tmpfs: is memory; leave it out")
            }
        }
        return config
    }

    /// A device of type `unix-char` or `unix-block`.
    static func unix(
        _ name: String, _ kind: NodeKind, _ options: [String: String], unknown: (String) -> String
    ) throws(APIError) -> Device {
        let config = Config<UnixKeys>(options)
        try config.validate(unknown: unknown)
        let source = try config[\.source]
        let path = try config[\.path]
        guard source != nil || path != nil else {
            throw .badRequest(
                "Invalid device \"\(name)\": Unix device entry is missing the required \"source\" or \"path\" property")
        }
        // One stands for the other.
        if path == nil, let source, let broken = DevicePath.check(source) {
            throw .badRequest("Invalid device \"\(name)\": the option path is needed beside source: \(broken)")
        }
        let (major, minor) = (try config[\.major], try config[\.minor])
        guard (major == nil) == (minor == nil) else {
            throw .badRequest("Invalid device \"\(name)\": Both major and minor must be supplied")
        }
        return .unix(kind, config)
    }

    /// A device of type `unix-hotplug`.
    static func hotplug(
        _ name: String, _ options: [String: String], unknown: (String) -> String
    ) throws(APIError) -> Device {
        let config = Config<UnixHotplugKeys>(options)
        try config.validate(unknown: unknown)
        let (vendor, product) = (try config[\.vendorID], try config[\.productID])
        guard vendor != nil || product != nil else {
            throw .badRequest("Invalid device \"\(name)\": Unix hotplug devices require a vendorid or a productid")
        }
        return .hotplug(config)
    }

    /// A device of type `gpu`.
    static func gpu(
        _ name: String, _ options: [String: String], unknown: (String) -> String
    ) throws(APIError) -> Device {
        switch options["gputype", default: ""] {
        case "", "physical":
            let config = Config<GPUKeys>(options)
            try config.validate(unknown: unknown)
            for (key, others) in [("pci", ["id", "productid", "vendorid"]), ("id", ["productid", "vendorid"])]
            where options[key]?.isEmpty == false {
                for other in others where options[other]?.isEmpty == false {
                    throw .badRequest("Invalid device \"\(name)\": Cannot use \"\(other)\" when \"\(key)\" is set")
                }
            }
            return .gpu(config)
        case let kind where ["mdev", "sriov", "mig"].contains(kind):
            try Config<PartialGPUKeys>(options).validate(unknown: unknown)
            if kind == "mig" {
                return .absent(
                    AbsentDevice(
                        moment: .atStart,
                        reason: "a GPU of the gputype mig needs NVIDIA's container runtime, which lexd does not use"))
            }
            return .absent(
                AbsentDevice(
                    moment: .inAnInstance, reason: "a GPU of the gputype \(kind) is for virtual machines only"))
        case let kind:
            throw .badRequest(
                "Invalid device \"\(name)\": the option gputype must be physical, mdev, mig or sriov, not \"\(clipped(kind))\""
            )
        }
    }

    /// The types that are checked and kept, and that no container here can have.
    static func absent(
        _ name: String, _ type: String, _ options: [String: String], unknown: (String) -> String
    ) throws(APIError) -> Device {
        func need(_ keys: String...) throws(APIError) {
            for key in keys where options[key]?.isEmpty != false {
                throw .badRequest("Invalid device \"\(name)\": it needs the option \(key)")
            }
        }
        switch type {
        case "infiniband":
            try Config<InfinibandKeys>(options).validate(unknown: unknown)
            try need("nictype", "parent")
            return .absent(
                AbsentDevice(moment: .atStart, reason: "this version of lexd has no InfiniBand devices; take it away"))
        case "tpm":
            try Config<TPMKeys>(options).validate(unknown: unknown)
            try need("path", "pathrm")
            return .absent(
                AbsentDevice(moment: .atStart, reason: "this version of lexd emulates no TPM; take it away"))
        default:
            try Config<PCIKeys>(options).validate(unknown: unknown)
            try need("address")
            return .absent(
                AbsentDevice(moment: .inAnInstance, reason: "devices of type pci are for virtual machines only"))
        }
    }
}
