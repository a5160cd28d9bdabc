/// The size of an instance by name: `c2-m4` for two CPUs and four GiB, or the name of a well-known cloud's machine.
public struct InstanceSize: Sendable, Equatable {
    /// CPUs; a part of one is a share of its time.
    public let cpus: Double
    /// Memory in GiB.
    public let memory: Double

    /// Reads a name; throws a 400 with LXD's words when it says nothing.
    public init(_ name: String) throws(APIError) {
        if let known = try Self.known(name) {
            self = known
            return
        }
        var cpus = 0.0
        var memory = 0.0
        for field in name.split(separator: "-", omittingEmptySubsequences: false) {
            guard let kind = field.first, kind == "c" || kind == "m", field.utf8.count > 1 else {
                throw Self.absent(name)
            }
            // Digits only: Swift reads hexadecimal numbers and exponents as well.
            guard field.utf8.count <= 12, field.dropFirst().allSatisfy({ "0123456789.".contains($0) }),
                let value = Double(field.dropFirst()), value.isFinite, value >= 0,
                value <= 65536
            else { throw .badRequest("Bad custom instance type: \(name.prefix(64))") }
            if kind == "c" { cpus = value } else { memory = value }
        }
        guard cpus > 0 || memory > 0 else { throw Self.absent(name) }
        self.init(cpus: cpus, memory: memory)
    }

    init(cpus: Double, memory: Double) {
        self.cpus = cpus
        self.memory = memory
    }

    private static func absent(_ name: String) -> APIError {
        .badRequest("Provided instance type doesn't exist: \(name.prefix(64))")
    }

    /// A machine of a cloud's, `t2.micro` or `aws:t2.micro`; nil when there is none of that name.
    private static func known(_ name: String) throws(APIError) -> InstanceSize? {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            guard let size = CloudSizes.all[parts[0]]?[parts[1]] else { throw absent(name) }
            return size
        }
        let found = CloudSizes.all.values.compactMap { $0[name] }
        guard found.count <= 1 else {
            throw .badRequest("Ambiguous instance type provided: \(name.prefix(64))")
        }
        return found.first
    }

    /// The configuration that stands for it, as LXD writes it.
    public var config: [String: String] {
        var config: [String: String] = [:]
        if cpus > 0 {
            let whole = cpus.rounded(.up)
            config["limits.cpu"] = String(Int(whole))
            let share = Int(cpus / whole * 100)
            if share < 100 { config["limits.cpu.allowance"] = "\(max(1, share))%" }
        }
        if memory > 0 { config["limits.memory"] = "\(max(1, Int(memory * 1024)))MB" }
        return config
    }
}

/// Machines of well-known clouds: CPUs and GiB of memory, as their makers publish them.
enum CloudSizes {
    static let all: [String: [String: InstanceSize]] = [
        "aws": table(aws), "azure": table(azure), "gce": table(gce),
    ]

    private static func table(_ rows: [(String, Double, Double)]) -> [String: InstanceSize] {
        Dictionary(rows.map { ($0.0, InstanceSize(cpus: $0.1, memory: $0.2)) }) { $1 }
    }

    private static let aws: [(String, Double, Double)] = [
        ("t2.nano", 1, 0.5), ("t2.micro", 1, 1), ("t2.small", 1, 2), ("t2.medium", 2, 4), ("t2.large", 2, 8),
        ("t2.xlarge", 4, 16), ("t2.2xlarge", 8, 32),
        ("t3.nano", 2, 0.5), ("t3.micro", 2, 1), ("t3.small", 2, 2), ("t3.medium", 2, 4), ("t3.large", 2, 8),
        ("t3.xlarge", 4, 16), ("t3.2xlarge", 8, 32),
        ("m4.large", 2, 8), ("m4.xlarge", 4, 16), ("m4.2xlarge", 8, 32), ("m4.4xlarge", 16, 64),
        ("m5.large", 2, 8), ("m5.xlarge", 4, 16), ("m5.2xlarge", 8, 32), ("m5.4xlarge", 16, 64),
        ("m5.8xlarge", 32, 128), ("m5.12xlarge", 48, 192), ("m5.16xlarge", 64, 256), ("m5.24xlarge", 96, 384),
        ("c4.large", 2, 3.75), ("c4.xlarge", 4, 7.5), ("c4.2xlarge", 8, 15), ("c4.4xlarge", 16, 30),
        ("c4.8xlarge", 36, 60),
        ("c5.large", 2, 4), ("c5.xlarge", 4, 8), ("c5.2xlarge", 8, 16), ("c5.4xlarge", 16, 32),
        ("c5.9xlarge", 36, 72), ("c5.12xlarge", 48, 96), ("c5.18xlarge", 72, 144), ("c5.24xlarge", 96, 192),
        ("r4.large", 2, 15.25), ("r4.xlarge", 4, 30.5), ("r4.2xlarge", 8, 61), ("r4.4xlarge", 16, 122),
        ("r5.large", 2, 16), ("r5.xlarge", 4, 32), ("r5.2xlarge", 8, 64), ("r5.4xlarge", 16, 128),
        ("r5.8xlarge", 32, 256), ("r5.12xlarge", 48, 384), ("r5.16xlarge", 64, 512), ("r5.24xlarge", 96, 768),
    ]

    private static let azure: [(String, Double, Double)] = [
        ("Standard_A1_v2", 1, 2), ("Standard_A2_v2", 2, 4), ("Standard_A4_v2", 4, 8), ("Standard_A8_v2", 8, 16),
        ("Standard_B1ls", 1, 0.5), ("Standard_B1s", 1, 1), ("Standard_B1ms", 1, 2), ("Standard_B2s", 2, 4),
        ("Standard_B2ms", 2, 8), ("Standard_B4ms", 4, 16), ("Standard_B8ms", 8, 32),
        ("Standard_D2_v3", 2, 8), ("Standard_D4_v3", 4, 16), ("Standard_D8_v3", 8, 32), ("Standard_D16_v3", 16, 64),
        ("Standard_D32_v3", 32, 128), ("Standard_D64_v3", 64, 256),
        ("Standard_E2_v3", 2, 16), ("Standard_E4_v3", 4, 32), ("Standard_E8_v3", 8, 64), ("Standard_E16_v3", 16, 128),
        ("Standard_F2s_v2", 2, 4), ("Standard_F4s_v2", 4, 8), ("Standard_F8s_v2", 8, 16), ("Standard_F16s_v2", 16, 32),
    ]

    private static let gce: [(String, Double, Double)] = [
        ("f1-micro", 0.2, 0.6), ("g1-small", 0.5, 1.7),
        ("e2-micro", 0.25, 1), ("e2-small", 0.5, 2), ("e2-medium", 1, 4),
        ("e2-standard-2", 2, 8), ("e2-standard-4", 4, 16), ("e2-standard-8", 8, 32), ("e2-standard-16", 16, 64),
        ("n1-standard-1", 1, 3.75), ("n1-standard-2", 2, 7.5), ("n1-standard-4", 4, 15), ("n1-standard-8", 8, 30),
        ("n1-standard-16", 16, 60), ("n1-standard-32", 32, 120), ("n1-standard-64", 64, 240),
        ("n1-standard-96", 96, 360),
        ("n1-highmem-2", 2, 13), ("n1-highmem-4", 4, 26), ("n1-highmem-8", 8, 52), ("n1-highmem-16", 16, 104),
        ("n1-highcpu-2", 2, 1.8), ("n1-highcpu-4", 4, 3.6), ("n1-highcpu-8", 8, 7.2), ("n1-highcpu-16", 16, 14.4),
        ("n2-standard-2", 2, 8), ("n2-standard-4", 4, 16), ("n2-standard-8", 8, 32), ("n2-standard-16", 16, 64),
    ]
}
