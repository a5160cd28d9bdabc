/// A project as LXD's API shows it: a room of its own for instances and, by its features, for other things.
public struct Project: Codable, Sendable {
    /// Configuration of the project.
    public var config: [String: String]
    /// Free text.
    public var description: String
    /// The name.
    public var name: String
    /// The URLs of what it holds.
    public var usedBy: [String]

    enum CodingKeys: String, CodingKey {
        case config, description, name
        case usedBy = "used_by"
    }

    /// Makes the value.
    public init(name: String, description: String, config: [String: String], usedBy: [String]) {
        self.name = name
        self.description = description
        self.config = config
        self.usedBy = usedBy
    }

    /// The name of the project everything belongs to that names no other.
    public static let defaultName = "default"
}

extension Project {
    /// A project to make.
    public struct Creation: Codable, Sendable {
        /// The name.
        @Lenient public var name: String
        /// Free text.
        @Lenient public var description: String
        /// Configuration of the project.
        @Lenient public var config: [String: String]

        enum CodingKeys: String, CodingKey { case name, description, config }

        /// Makes the value.
        public init(name: String, description: String = "", config: [String: String] = [:]) {
            self.name = name
            self.description = description
            self.config = config
        }
    }

    /// The writable part; a missing field stays as it is in a `PATCH`.
    public struct Update: Codable, Sendable {
        /// Free text.
        @Nullable public var description: String?
        /// Configuration of the project.
        @Nullable public var config: [String: String]?

        enum CodingKeys: String, CodingKey { case description, config }

        /// Makes the value.
        public init(description: String?, config: [String: String]?) {
            self.description = description
            self.config = config
        }
    }

    /// A new name.
    public struct Rename: Codable, Sendable {
        /// The name.
        @Lenient public var name: String

        /// Makes the value.
        public init(name: String) { self.name = name }
    }

    /// What a project may use and uses (`GET /1.0/projects/NAME/state`).
    public struct State: Codable, Sendable {
        /// By kind: `instances`, `memory`, `disk` …
        public var resources: [String: Resource]

        /// Makes the value.
        public init(resources: [String: Resource]) { self.resources = resources }
    }

    /// One kind of what a project may use.
    public struct Resource: Codable, Sendable, Equatable {
        /// How much it may use; -1 without a limit.
        public var limit: Int64
        /// How much it uses.
        public var usage: Int64

        enum CodingKeys: String, CodingKey {
            case limit = "Limit"
            case usage = "Usage"
        }

        /// Makes the value.
        public init(limit: Int64, usage: Int64) {
            self.limit = limit
            self.usage = usage
        }
    }
}
