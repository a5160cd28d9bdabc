/// The configuration keys of the server itself: those of LXD 5.0.2.
///
/// A key that needs what this version lacks is known and its value is checked, but only its default can be set.
public struct ServerKeys: ConfigKeySet {
    /// The server and its listeners.
    public let core = Core()
    /// Images.
    public let images = Images()
    /// Backups, and what lies elsewhere than it would.
    public let miscellaneous = Miscellaneous()
    /// Several servers as one.
    public let cluster = Cluster()
    /// Who is who, by other services.
    public let candid = Candid()
    /// Who may do what, by another service.
    public let rbac = RBAC()
    /// Addresses from MAAS.
    public let maas = MAAS()
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}

    /// Whether a key holds for one member of a cluster and not for all of it.
    static func isLocal(_ name: String) -> Bool {
        name.hasSuffix("_address") || name.hasSuffix("_volume") || name == "core.bgp_routerid" || name == "maas.machine"
    }
}

/// What keys may need that this version lacks.
private enum Lacking {
    static let https =
        "access over HTTPS, which this version of lexd does not offer: it listens on its Unix socket only"
    static let cluster = "a cluster, which this version of lexd cannot be part of"
    static let services = "authentication by another service, which this version of lexd does not have"
    static let volumes = "images and backups in custom volumes, which this version of lexd does not have"
}

extension ServerKeys {
    /// `core.*`
    public struct Core: ConfigKeySet {
        /// The time a shutdown may take.
        public let shutdownTimeout = ConfigKey<Int64>(
            "core.shutdown_timeout", default: "5", effect: .live,
            "Minutes that lexd waits for operations under way before it shuts down.",
            check: { $0 >= 0 && $0 <= 1440 ? nil : "from 0 to 1440" })
        /// A way out.
        public let proxyHTTP = ConfigKey<ConfigLine>(
            "core.proxy_http", effect: .live, "The proxy for HTTP; the variable HTTP_PROXY when it is not set.",
            check: ServerKeys.proxy)
        /// A way out.
        public let proxyHTTPS = ConfigKey<ConfigLine>(
            "core.proxy_https", effect: .live, "The proxy for HTTPS; the variable HTTPS_PROXY when it is not set.",
            check: ServerKeys.proxy)
        /// What needs no way out.
        public let proxyIgnoreHosts = ConfigKey<ConfigLine>(
            "core.proxy_ignore_hosts", effect: .live,
            "Hosts that are asked without a proxy, with commas between; the variable NO_PROXY when it is not set.")
        /// The API for others.
        public let httpsAddress = ConfigKey<ListenAddress>(
            "core.https_address", effect: .live, "The address of the API over HTTPS.", lacking: Lacking.https)
        /// What browsers are told.
        public let httpsAllowedCredentials = ConfigKey<Bool>(
            "core.https_allowed_credentials", default: "false", effect: .live,
            "Whether the header Access-Control-Allow-Credentials is true.", lacking: Lacking.https)
        /// What browsers are told.
        public let httpsAllowedHeaders = ConfigKey<ConfigLine>(
            "core.https_allowed_headers", effect: .live, "The header Access-Control-Allow-Headers.",
            lacking: Lacking.https)
        /// What browsers are told.
        public let httpsAllowedMethods = ConfigKey<ConfigLine>(
            "core.https_allowed_methods", effect: .live, "The header Access-Control-Allow-Methods.",
            lacking: Lacking.https)
        /// What browsers are told.
        public let httpsAllowedOrigin = ConfigKey<ConfigLine>(
            "core.https_allowed_origin", effect: .live, "The header Access-Control-Allow-Origin.",
            lacking: Lacking.https)
        /// Who is believed.
        public let httpsTrustedProxy = ConfigKey<ConfigLine>(
            "core.https_trusted_proxy", effect: .live,
            "Addresses of proxies that are believed where a client comes from, with commas between.",
            lacking: Lacking.https)
        /// Measurements for others.
        public let metricsAddress = ConfigKey<ListenAddress>(
            "core.metrics_address", effect: .live, "The address of the metrics over HTTPS.", lacking: Lacking.https)
        /// Measurements for everybody.
        public let metricsAuthentication = ConfigKey<Bool>(
            "core.metrics_authentication", default: "true", effect: .live,
            "Whether the metrics are for trusted clients only.", lacking: Lacking.https)
        /// Tokens.
        public let remoteTokenExpiry = ConfigKey<Expiry>(
            "core.remote_token_expiry", effect: .live, "How long a token with which a client becomes trusted counts.",
            lacking: Lacking.https)
        /// Certificates.
        public let trustCACertificates = ConfigKey<Bool>(
            "core.trust_ca_certificates", default: "false", effect: .live,
            "Whether every client whose certificate the authority has signed is trusted.", lacking: Lacking.https)
        /// The old way in.
        public let trustPassword = ConfigKey<ConfigLine>(
            "core.trust_password", effect: .live, "The password with which a client becomes trusted.",
            lacking: Lacking.https)
        /// Routes for others.
        public let bgpAddress = ConfigKey<ListenAddress>(
            "core.bgp_address", effect: .live, "The address of the BGP server.", lacking: "a BGP server")
        /// Routes for others.
        public let bgpASN = ConfigKey<Int64>(
            "core.bgp_asn", effect: .live, "The number of the BGP server's autonomous system.", lacking: "a BGP server",
            check: { $0 > 0 && $0 <= 4_294_967_294 ? nil : "from 1 to 4294967294" })
        /// Routes for others.
        public let bgpRouterID = ConfigKey<IPv4Address>(
            "core.bgp_routerid", effect: .live, "The identity of the BGP server.", lacking: "a BGP server")
        /// Faults.
        public let debugAddress = ConfigKey<ListenAddress>(
            "core.debug_address", effect: .live, "The address of a server for debugging.",
            lacking: "a server for debugging, which lexd does not have: run it with --debug")
        /// Names for others.
        public let dnsAddress = ConfigKey<ListenAddress>(
            "core.dns_address", effect: .live, "The address of the DNS server for zones.",
            lacking: "network zones, which this version of lexd does not have")
        /// All of them.
        public init() {}
    }

    /// `images.*`
    public struct Images: ConfigKeySet {
        /// Whether images are kept new.
        public let autoUpdateCached = ConfigKey<Bool>(
            "images.auto_update_cached", default: "true", effect: .live,
            "Whether images that a launch has downloaded are kept up to date.")
        /// How often.
        public let autoUpdateInterval = ConfigKey<Int64>(
            "images.auto_update_interval", default: "6", effect: .live,
            "Hours between two looks for newer images; 0 for never.",
            check: { $0 >= 0 && $0 <= 87600 ? nil : "from 0 to 87600" })
        /// How they are packed.
        public let compressionAlgorithm = ConfigKey<Compression>(
            "images.compression_algorithm", default: "gzip", effect: .live, "How new images are compressed.")
        /// What they run on.
        public let defaultArchitecture = ConfigKey<ConfigLine>(
            "images.default_architecture", effect: .live,
            "The architecture of images whose architecture is not said; the server's own when it is not set.",
            check: { ServerKeys.architectures.contains($0.text) ? nil : "one of \(ServerKeys.architectureList)" })
        /// When they go.
        public let remoteCacheExpiry = ConfigKey<Int64>(
            "images.remote_cache_expiry", default: "10", effect: .live,
            "Days after which an image that a launch has downloaded and that nothing uses is deleted; 0 for at once.",
            check: { $0 >= 0 && $0 <= 36500 ? nil : "from 0 to 36500" })
        /// All of them.
        public init() {}
    }

    /// `backups.*`, `storage.*`, `network.*`
    public struct Miscellaneous: ConfigKeySet {
        /// How they are packed.
        public let backupsCompressionAlgorithm = ConfigKey<Compression>(
            "backups.compression_algorithm", default: "gzip", effect: .live, "How new backups are compressed.",
            lacking: "backups, which this version of lexd does not have")
        /// Where they lie.
        public let backupsVolume = ConfigKey<ConfigLine>(
            "storage.backups_volume", effect: .live, "The custom volume, POOL/VOLUME, that backups lie in.",
            lacking: Lacking.volumes, check: ServerKeys.volume)
        /// Where they lie.
        public let imagesVolume = ConfigKey<ConfigLine>(
            "storage.images_volume", effect: .live, "The custom volume, POOL/VOLUME, that images lie in.",
            lacking: Lacking.volumes, check: ServerKeys.volume)
        /// Networks across machines.
        public let ovnIntegrationBridge = ConfigKey<ConfigLine>(
            "network.ovn.integration_bridge", default: "br-int", effect: .live, "The bridge of OVN networks.",
            lacking: "OVN networks, which this version of lexd does not have")
        /// Networks across machines.
        public let ovnNorthboundConnection = ConfigKey<ConfigLine>(
            "network.ovn.northbound_connection", default: "unix:/var/run/ovn/ovnnb_db.sock", effect: .live,
            "Where OVN's northbound database is.", lacking: "OVN networks, which this version of lexd does not have")
        /// All of them.
        public init() {}
    }

    /// `cluster.*`
    public struct Cluster: ConfigKeySet {
        /// Where others find it.
        public let httpsAddress = ConfigKey<ListenAddress>(
            "cluster.https_address", effect: .live, "The address for other members.", lacking: Lacking.cluster)
        /// How many have it.
        public let imagesMinimalReplica = ConfigKey<Int64>(
            "cluster.images_minimal_replica", default: "3", effect: .live,
            "How many members have a copy of an image; -1 for all.", lacking: Lacking.cluster,
            check: { $0 == -1 || $0 >= 1 ? nil : "-1, or 1 and more" })
        /// Tokens.
        public let joinTokenExpiry = ConfigKey<Expiry>(
            "cluster.join_token_expiry", default: "3H", effect: .live,
            "How long a token with which a member joins counts.", lacking: Lacking.cluster)
        /// Who stands by.
        public let maxStandby = ConfigKey<Int64>(
            "cluster.max_standby", default: "2", effect: .live, "How many members stand by for the database.",
            lacking: Lacking.cluster, check: { (0...5).contains($0) ? nil : "from 0 to 5" })
        /// Who votes.
        public let maxVoters = ConfigKey<Int64>(
            "cluster.max_voters", default: "3", effect: .live, "How many members vote.", lacking: Lacking.cluster,
            check: { $0 >= 3 && $0 % 2 == 1 ? nil : "an odd number, 3 or more" })
        /// Who is away.
        public let offlineThreshold = ConfigKey<Int64>(
            "cluster.offline_threshold", default: "20", effect: .live,
            "Seconds after which a member that does not answer counts as away.", lacking: Lacking.cluster,
            check: { $0 > 10 ? nil : "greater than 10" })
        /// All of them.
        public init() {}
    }

    /// `candid.*`
    public struct Candid: ConfigKeySet {
        /// The service's key.
        public let apiKey = ConfigKey<ConfigLine>(
            "candid.api.key", effect: .live, "The public key of the Candid server.", lacking: Lacking.services)
        /// The service.
        public let apiURL = ConfigKey<ConfigLine>(
            "candid.api.url", effect: .live, "The URL of the Candid server.", lacking: Lacking.services)
        /// Whose users.
        public let domains = ConfigKey<ConfigLine>(
            "candid.domains", effect: .live, "The Candid domains that are allowed, with commas between.",
            lacking: Lacking.services)
        /// How long.
        public let expiry = ConfigKey<Int64>(
            "candid.expiry", default: "3600", effect: .live, "Seconds that a Candid macaroon counts.",
            lacking: Lacking.services, check: { $0 > 0 ? nil : "1 or more" })
        /// All of them.
        public init() {}
    }

    /// `rbac.*`
    public struct RBAC: ConfigKeySet {
        /// The service's key.
        public let apiKey = ConfigKey<ConfigLine>(
            "rbac.api.key", effect: .live, "The public key of the RBAC server.", lacking: Lacking.services)
        /// The service.
        public let apiURL = ConfigKey<ConfigLine>(
            "rbac.api.url", effect: .live, "The URL of the RBAC server.", lacking: Lacking.services)
        /// How long.
        public let expiry = ConfigKey<Int64>(
            "rbac.api.expiry", default: "3600", effect: .live, "Seconds that an RBAC macaroon counts.",
            lacking: Lacking.services, check: { $0 > 0 ? nil : "1 or more" })
        /// The agent.
        public let agentURL = ConfigKey<ConfigLine>(
            "rbac.agent.url", effect: .live, "The URL of the Candid server for the agent.", lacking: Lacking.services)
        /// The agent.
        public let agentUsername = ConfigKey<ConfigLine>(
            "rbac.agent.username", effect: .live, "The agent's name.", lacking: Lacking.services)
        /// The agent.
        public let agentPublicKey = ConfigKey<ConfigLine>(
            "rbac.agent.public_key", effect: .live, "The agent's public key.", lacking: Lacking.services)
        /// The agent.
        public let agentPrivateKey = ConfigKey<ConfigLine>(
            "rbac.agent.private_key", effect: .live, "The agent's private key.", lacking: Lacking.services)
        /// All of them.
        public init() {}
    }

    /// `maas.*`
    public struct MAAS: ConfigKeySet {
        /// The service's key.
        public let apiKey = ConfigKey<ConfigLine>(
            "maas.api.key", effect: .live, "The key of the MAAS server.",
            lacking: "MAAS, which this version of lexd does not work with")
        /// The service.
        public let apiURL = ConfigKey<ConfigLine>(
            "maas.api.url", effect: .live, "The URL of the MAAS server.",
            lacking: "MAAS, which this version of lexd does not work with")
        /// This one.
        public let machine = ConfigKey<ConfigLine>(
            "maas.machine", effect: .live, "The name of this machine in MAAS.",
            lacking: "MAAS, which this version of lexd does not work with")
        /// All of them.
        public init() {}
    }
}

extension ServerKeys {
    fileprivate static let architectures: Set<String> = [
        "aarch64", "armv6l", "armv7l", "armv8l", "i686", "mips", "mips64", "ppc", "ppc64", "ppc64le", "riscv32",
        "riscv64", "s390x", "x86_64",
    ]
    fileprivate static var architectureList: String { architectures.sorted().joined(separator: ", ") }

    fileprivate static let volume: @Sendable (ConfigLine) -> String? = { line in
        let parts = line.text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } ? nil : "a pool and a volume, POOL/VOLUME"
    }

    fileprivate static let proxy: @Sendable (ConfigLine) -> String? = { line in
        line.text.utf8.count <= 2048 && line.text.utf8.allSatisfy { $0 > 32 && $0 < 127 }
            ? nil : "a URL such as http://proxy.example:3128, without spaces and of at most 2048 bytes"
    }
}
