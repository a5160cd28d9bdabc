/// An address of the outside whose packets are passed to instances of a network, as LXD's API shows it.
public struct NetworkForward: Codable, Sendable, Equatable {
    /// Free text.
    public var description: String
    /// `target_address` and `user.*`.
    public var config: [String: String]
    /// What is passed on by port.
    public var ports: [Port]
    /// The address.
    public var listenAddress: String
    /// `none` on a server that stands alone.
    public var location: String

    enum CodingKeys: String, CodingKey {
        case description, config, ports
        case listenAddress = "listen_address"
        case location
    }

    /// Makes the value from its parts.
    public init(listenAddress: String, description: String, config: [String: String], ports: [Port]) {
        self.listenAddress = listenAddress
        self.description = description
        self.config = config
        self.ports = ports
        location = "none"
    }

    /// Where the packets to some ports go.
    public struct Port: Codable, Sendable, Equatable {
        /// Free text.
        @Lenient public var description: String
        /// `tcp` or `udp`.
        @Lenient public var `protocol`: String
        /// The ports, `80,90-100`.
        @Lenient public var listenPort: String
        /// The ports there: one, or as many; empty for the same.
        @Lenient public var targetPort: String
        /// The address of the instance.
        @Lenient public var targetAddress: String

        enum CodingKeys: String, CodingKey {
            case description, `protocol`
            case listenPort = "listen_port"
            case targetPort = "target_port"
            case targetAddress = "target_address"
        }

        /// Makes the value from its parts.
        public init(
            protocol name: String, listenPort: String, targetAddress: String, targetPort: String = "",
            description: String = ""
        ) {
            self.description = description
            self.protocol = name
            self.listenPort = listenPort
            self.targetPort = targetPort
            self.targetAddress = targetAddress
        }
    }

    /// A forward to make.
    public struct Creation: Codable, Sendable {
        /// The address.
        @Lenient public var listenAddress: String
        /// Free text.
        @Lenient public var description: String
        /// `target_address` and `user.*`.
        @Lenient public var config: [String: String]
        /// What is passed on by port.
        @Lenient public var ports: [Port]

        enum CodingKeys: String, CodingKey {
            case listenAddress = "listen_address"
            case description, config, ports
        }

        /// Makes the value.
        public init(
            listenAddress: String, description: String = "", config: [String: String] = [:], ports: [Port] = []
        ) {
            self.listenAddress = listenAddress
            self.description = description
            self.config = config
            self.ports = ports
        }
    }

    /// The writable part; a missing field stays as it is in a `PATCH`.
    public struct Update: Codable, Sendable, Equatable {
        /// Free text.
        @Nullable public var description: String?
        /// `target_address` and `user.*`.
        @Nullable public var config: [String: String]?
        /// What is passed on by port.
        @Nullable public var ports: [Port]?

        enum CodingKeys: String, CodingKey { case description, config, ports }

        /// Makes the value.
        public init(description: String?, config: [String: String]?, ports: [Port]?) {
            self.description = description
            self.config = config
            self.ports = ports
        }
    }
}

/// The configuration keys of a network forward.
public struct NetworkForwardKeys: ConfigKeySet {
    /// Where the rest goes.
    public let targetAddress = ConfigKey<IPAddress>(
        "target_address", effect: .live, "The address that everything is passed to which no port says otherwise of.")
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}
}

/// The endpoints of network forwards.
public struct NetworkForwardEndpoints: Sendable {
    /// Those of a network.
    public let list = Endpoint<Empty, JSONValue>(
        .get, "/1.0/networks/{network}/forwards", "List the forwards of a network.")
    /// Makes one.
    public let create = Endpoint<NetworkForward.Creation, Empty>(
        .post, "/1.0/networks/{network}/forwards", "Create a forward.")
    /// One of them.
    public let get = Endpoint<Empty, NetworkForward>(
        .get, "/1.0/networks/{network}/forwards/{address}", "Show a forward.")
    /// Replaces it.
    public let update = Endpoint<NetworkForward.Update, Empty>(
        .put, "/1.0/networks/{network}/forwards/{address}", "Replace a forward.")
    /// Changes it in part.
    public let patch = Endpoint<NetworkForward.Update, Empty>(
        .patch, "/1.0/networks/{network}/forwards/{address}", "Change a forward in part.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(
        .delete, "/1.0/networks/{network}/forwards/{address}", "Delete a forward.")

    init() {}
}
