/// A list of rules about the packets of networks, as LXD's API shows it.
public struct NetworkACL: Codable, Sendable, Equatable {
    /// The name.
    public var name: String
    /// Free text.
    public var description: String
    /// The rules about packets from the instances.
    public var egress: [Rule]
    /// The rules about packets to the instances.
    public var ingress: [Rule]
    /// `user.*`.
    public var config: [String: String]
    /// The URLs of what uses it.
    public var usedBy: [String]

    enum CodingKeys: String, CodingKey {
        case name, description, egress, ingress, config
        case usedBy = "used_by"
    }

    /// Makes the value from its parts.
    public init(
        name: String, description: String, egress: [Rule], ingress: [Rule], config: [String: String], usedBy: [String]
    ) {
        self.name = name
        self.description = description
        self.egress = egress
        self.ingress = ingress
        self.config = config
        self.usedBy = usedBy
    }

    /// Throws unless the text can name an ACL; the words are LXD's.
    public static func validateName(_ text: String) throws(APIError) {
        guard !text.isEmpty else { throw .badRequest("Name is required") }
        guard !["@", "#", "$"].contains(text.prefix(1)) else {
            throw .badRequest("Name cannot start with reserved character '\(text.prefix(1))'")
        }
        do {
            _ = try InstanceName(text)
        } catch {
            // The rule is that of instances, and so are the words behind "Invalid instance name: ".
            throw .badRequest(String(error.message.dropFirst("Invalid instance name: ".count)))
        }
    }

    /// What is done with a packet.
    public enum Action: String, ConfigValue, CaseIterable {
        /// It passes.
        case allow
        /// It vanishes.
        case drop
        /// It is answered that it may not pass.
        case reject

        /// One of the words.
        public init?(configText: String) { self.init(rawValue: configText) }
        /// In the words of an error message.
        public static var allowedText: String { "allow, drop or reject" }
        /// In the manual.
        public static var typeName: String { "string" }
    }

    /// One rule. What is not said matches everything.
    public struct Rule: Codable, Sendable, Hashable {
        /// `allow`, `drop` or `reject`.
        public var action: String
        /// Where packets come from: addresses, ranges and subnets with commas.
        public var source: String?
        /// Where packets go to.
        public var destination: String?
        /// `tcp`, `udp`, `icmp4` or `icmp6`.
        public var `protocol`: String?
        /// Ports with commas, of tcp and udp.
        public var sourcePort: String?
        /// Ports with commas, of tcp and udp.
        public var destinationPort: String?
        /// A number, of icmp4 and icmp6.
        public var icmpType: String?
        /// A number, of icmp4 and icmp6.
        public var icmpCode: String?
        /// Free text.
        public var description: String?
        /// `enabled`, `disabled` or `logged`.
        public var state: String

        enum CodingKeys: String, CodingKey {
            case action, source, destination, `protocol`
            case sourcePort = "source_port"
            case destinationPort = "destination_port"
            case icmpType = "icmp_type"
            case icmpCode = "icmp_code"
            case description, state
        }

        /// A rule from its parts by their names on the wire; nil for a name that is none. Parts without text are left
        /// out.
        public init?(_ parts: [String: String]) {
            self.init(action: "", state: "")
            for (part, text) in parts {
                guard let key = CodingKeys(stringValue: part) else { return nil }
                let value = text.isEmpty ? nil : text
                switch key {
                case .action: action = text
                case .source: source = value
                case .destination: destination = value
                case .protocol: self.protocol = value
                case .sourcePort: sourcePort = value
                case .destinationPort: destinationPort = value
                case .icmpType: icmpType = value
                case .icmpCode: icmpCode = value
                case .description: description = value
                case .state: state = text
                }
            }
        }

        /// A rule about all packets.
        public init(action: String, state: String = "enabled") {
            self.action = action
            self.state = state
        }

        /// Reads a rule; parts may be missing, null or empty.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func text(_ key: CodingKeys) throws -> String? {
                guard let value = try container.decodeIfPresent(String.self, forKey: key) else { return nil }
                let trimmed = value.trimmed
                return trimmed.isEmpty ? nil : trimmed
            }
            action = try text(.action) ?? ""
            source = try text(.source)
            destination = try text(.destination)
            self.protocol = try text(.protocol)
            sourcePort = try text(.sourcePort)
            destinationPort = try text(.destinationPort)
            icmpType = try text(.icmpType)
            icmpCode = try text(.icmpCode)
            description = try text(.description)
            state = try text(.state) ?? "enabled"
        }

        /// The parts by their names on the wire, without those that are not said.
        public var parts: [String: String] {
            let all: [(CodingKeys, String?)] = [
                (.action, action), (.source, source), (.destination, destination), (.protocol, self.protocol),
                (.sourcePort, sourcePort), (.destinationPort, destinationPort), (.icmpType, icmpType),
                (.icmpCode, icmpCode), (.description, description), (.state, state),
            ]
            return Dictionary(all.compactMap { key, value in value.map { (key.stringValue, $0) } }) { $1 }
        }
    }

    /// An ACL to make.
    public struct Creation: Codable, Sendable {
        /// The name.
        @Lenient public var name: String
        /// Free text.
        @Lenient public var description: String
        /// The rules about packets from the instances.
        @Lenient public var egress: [Rule]
        /// The rules about packets to the instances.
        @Lenient public var ingress: [Rule]
        /// `user.*`.
        @Lenient public var config: [String: String]

        enum CodingKeys: String, CodingKey { case name, description, egress, ingress, config }

        /// Makes the value.
        public init(
            name: String, description: String = "", egress: [Rule] = [], ingress: [Rule] = [],
            config: [String: String] = [:]
        ) {
            self.name = name
            self.description = description
            self.egress = egress
            self.ingress = ingress
            self.config = config
        }
    }

    /// The writable part; a missing field stays as it is in a `PATCH`.
    public struct Update: Codable, Sendable, Equatable {
        /// Free text.
        @Nullable public var description: String?
        /// The rules about packets from the instances.
        @Nullable public var egress: [Rule]?
        /// The rules about packets to the instances.
        @Nullable public var ingress: [Rule]?
        /// `user.*`.
        @Nullable public var config: [String: String]?

        enum CodingKeys: String, CodingKey { case description, egress, ingress, config }

        /// Makes the value.
        public init(description: String?, egress: [Rule]?, ingress: [Rule]?, config: [String: String]?) {
            self.description = description
            self.egress = egress
            self.ingress = ingress
            self.config = config
        }
    }

    /// A new name.
    public struct Rename: Codable, Sendable {
        /// The name.
        @Lenient public var name: String

        enum CodingKeys: String, CodingKey { case name }

        /// Makes the value.
        public init(name: String) { self.name = name }
    }
}

/// The configuration keys of a network ACL.
public struct NetworkACLKeys: ConfigKeySet {
    /// Free keys.
    public let user = ConfigKeyFamily("user.", effect: .live, "Free keys of users and their tools.")
    /// All of them.
    public init() {}
}

/// The endpoints of network ACLs.
public struct NetworkACLEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/network-acls", "List the network ACLs.")
    /// Makes one.
    public let create = Endpoint<NetworkACL.Creation, Empty>(.post, "/1.0/network-acls", "Create a network ACL.")
    /// One of them.
    public let get = Endpoint<Empty, NetworkACL>(.get, "/1.0/network-acls/{name}", "Show a network ACL.")
    /// Replaces it.
    public let update = Endpoint<NetworkACL.Update, Empty>(
        .put, "/1.0/network-acls/{name}", "Replace a network ACL.")
    /// Changes it in part.
    public let patch = Endpoint<NetworkACL.Update, Empty>(
        .patch, "/1.0/network-acls/{name}", "Change a network ACL in part.")
    /// Gives it another name.
    public let rename = Endpoint<NetworkACL.Rename, Empty>(
        .post, "/1.0/network-acls/{name}", "Rename a network ACL.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/network-acls/{name}", "Delete a network ACL.")
    /// What its rules logged.
    public let log = RawEndpoint(.get, "/1.0/network-acls/{name}/log", "Show what the rules of a network ACL logged.")

    init() {}
}
