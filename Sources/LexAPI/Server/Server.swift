/// What a server says of itself (`GET /1.0`).
public struct Server: Codable, Sendable {
    /// Configuration of the server.
    public var config: [String: String]?
    /// What it can do, by name.
    public var apiExtensions: [String]
    /// `stable`.
    public var apiStatus: String
    /// `1.0`.
    public var apiVersion: String
    /// `trusted` or `untrusted`.
    public var auth: String
    /// Whether it serves images to strangers.
    public var `public`: Bool
    /// How one can become trusted: `tls`.
    public var authMethods: [String]
    /// Facts about the server and its machine; not for strangers.
    public var environment: Environment?

    enum CodingKeys: String, CodingKey {
        case config
        case apiExtensions = "api_extensions"
        case apiStatus = "api_status"
        case apiVersion = "api_version"
        case auth, `public`
        case authMethods = "auth_methods"
        case environment
    }

    /// Makes the value from its parts.
    public init(config: [String: String], apiExtensions: [String], environment: Environment) {
        self.config = config
        self.apiExtensions = apiExtensions
        self.apiStatus = "stable"
        self.apiVersion = "1.0"
        self.auth = "trusted"
        self.public = false
        self.authMethods = ["tls"]
        self.environment = environment
    }

    /// Facts about the server and its machine.
    public struct Environment: Codable, Sendable {
        /// The addresses it listens on.
        public var addresses: [String]
        /// The architectures it runs, its own first.
        public var architectures: [String]
        /// Its certificate in PEM.
        public var certificate: String
        /// The SHA-256 of its certificate.
        public var certificateFingerprint: String
        /// `lxc`.
        public var driver: String
        /// The version of liblxc.
        public var driverVersion: String
        /// `nftables`.
        public var firewall: String
        /// `Linux`.
        public var kernel: String
        /// The kernel's architecture.
        public var kernelArchitecture: String
        /// What the kernel can do, as text `true` or `false`.
        public var kernelFeatures: [String: String]
        /// The kernel's release.
        public var kernelVersion: String
        /// What liblxc can do, as text `true` or `false`.
        public var lxcFeatures: [String: String]
        /// The name of the host's distribution.
        public var osName: String
        /// Its version.
        public var osVersion: String
        /// The project of the request.
        public var project: String
        /// `lexd`.
        public var server: String
        /// Whether it is part of a cluster.
        public var serverClustered: Bool
        /// `full-mesh`.
        public var serverEventMode: String
        /// The host's name.
        public var serverName: String
        /// The process id of lexd.
        public var serverPid: Int
        /// The version of LXD whose API the server speaks: clients compare it before they dare to use something.
        public var serverVersion: String
        /// The version of lexd itself; absent on other servers.
        public var lexdVersion: String?
        /// The storage drivers in use, joined by ` | `.
        public var storage: String
        /// Their versions, joined by ` | `.
        public var storageVersion: String
        /// The storage drivers that can be used.
        public var storageSupportedDrivers: [StorageDriver]

        enum CodingKeys: String, CodingKey {
            case addresses, architectures, certificate
            case certificateFingerprint = "certificate_fingerprint"
            case driver
            case driverVersion = "driver_version"
            case firewall, kernel
            case kernelArchitecture = "kernel_architecture"
            case kernelFeatures = "kernel_features"
            case kernelVersion = "kernel_version"
            case lxcFeatures = "lxc_features"
            case osName = "os_name"
            case osVersion = "os_version"
            case project, server
            case serverClustered = "server_clustered"
            case serverEventMode = "server_event_mode"
            case serverName = "server_name"
            case serverPid = "server_pid"
            case serverVersion = "server_version"
            case lexdVersion = "lexd_version"
            case storage
            case storageVersion = "storage_version"
            case storageSupportedDrivers = "storage_supported_drivers"
        }

        /// Makes the value from all its parts.
        public init(
            addresses: [String], architectures: [String], certificate: String, certificateFingerprint: String,
            driverVersion: String, kernelArchitecture: String, kernelFeatures: [String: String],
            kernelVersion: String, lxcFeatures: [String: String], osName: String, osVersion: String, project: String,
            serverName: String, serverPid: Int, lexdVersion: String, storage: String, storageVersion: String,
            storageSupportedDrivers: [StorageDriver]
        ) {
            self.addresses = addresses
            self.architectures = architectures
            self.certificate = certificate
            self.certificateFingerprint = certificateFingerprint
            self.driver = "lxc"
            self.driverVersion = driverVersion
            self.firewall = "nftables"
            self.kernel = "Linux"
            self.kernelArchitecture = kernelArchitecture
            self.kernelFeatures = kernelFeatures
            self.kernelVersion = kernelVersion
            self.lxcFeatures = lxcFeatures
            self.osName = osName
            self.osVersion = osVersion
            self.project = project
            self.server = "lexd"
            self.serverClustered = false
            self.serverEventMode = "full-mesh"
            self.serverName = serverName
            self.serverPid = serverPid
            self.serverVersion = "5.0.2"
            self.lexdVersion = lexdVersion
            self.storage = storage
            self.storageVersion = storageVersion
            self.storageSupportedDrivers = storageSupportedDrivers
        }
    }

    /// A storage driver; its names begin with capitals on LXD's wire.
    public struct StorageDriver: Codable, Sendable {
        /// The name.
        public var name: String
        /// Its version.
        public var version: String
        /// Whether it lies on other machines.
        public var remote: Bool

        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case version = "Version"
            case remote = "Remote"
        }
        /// Makes the value.
        public init(name: String, version: String, remote: Bool) {
            self.name = name
            self.version = version
            self.remote = remote
        }
    }

    /// The writable part (`PUT` and `PATCH /1.0`).
    public struct Update: Codable, Sendable {
        /// Configuration of the server.
        @Lenient public var config: [String: ConfigScalar]

        enum CodingKeys: String, CodingKey { case config }

        /// Makes the value.
        public init(config: [String: String]) {
            self.config = config.mapValues { ConfigScalar(text: $0) }
        }
    }

    /// A configuration value that old clients may also send as a number or a truth value.
    public struct ConfigScalar: Codable, Sendable {
        /// The value as text.
        public var text: String
        /// Makes the value.
        public init(text: String) { self.text = text }
        /// Reads text, a number, or a truth value.
        public init(from decoder: any Decoder) throws {
            switch try JSONValue(from: decoder) {
            case .string(let value): text = value
            case .int(let value): text = String(value)
            case .bool(let value): text = String(value)
            case .null: text = ""
            default:
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "a configuration value must be text"))
            }
        }
        /// Writes text.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }
}
