/// A message of the events websocket (`shared/api/event.go`).
public struct Event: Codable, Sendable {
    /// `operation`, `lifecycle` or `logging`.
    public var type: String
    /// When it happened.
    public var timestamp: Timestamp
    /// What happened.
    public var metadata: JSONValue
    /// The cluster member it happened on.
    public var location: String?
    /// The project it belongs to.
    public var project: String?

    /// Makes the value from its parts.
    public init(type: String, timestamp: Timestamp, metadata: JSONValue, location: String?, project: String?) {
        self.type = type
        self.timestamp = timestamp
        self.metadata = metadata
        self.location = location
        self.project = project
    }
}

extension Event {
    /// What happened to something that lexd looks after.
    public struct Lifecycle: Codable, Sendable {
        /// What was done: `instance-started`, `profile-created` …
        public var action: String
        /// The URL of the thing.
        public var source: String
        /// Details.
        public var context: [String: JSONValue]?
        /// Who asked for it.
        public var requestor: Requestor?

        /// Makes the value from its parts.
        public init(action: String, source: String, context: [String: JSONValue]? = nil, requestor: Requestor? = nil) {
            self.action = action
            self.source = source
            self.context = context
            self.requestor = requestor
        }
    }

    /// Who asked for something.
    public struct Requestor: Codable, Sendable, Equatable {
        /// The user's name, or a certificate's fingerprint.
        public var username: String
        /// `unix` or `tls`.
        public var `protocol`: String
        /// The peer's address; `@` for a Unix socket without a name.
        public var address: String

        /// Makes the value.
        public init(username: String, protocol: String, address: String) {
            self.username = username
            self.protocol = `protocol`
            self.address = address
        }
    }

    /// A line of the daemon's log.
    public struct Logging: Codable, Sendable {
        /// The line without its facts.
        public var message: String
        /// `debug`, `info`, `warning` or `error`.
        public var level: String
        /// The facts.
        public var context: [String: String]

        /// Makes the value.
        public init(message: String, level: String, context: [String: String]) {
            self.message = message
            self.level = level
            self.context = context
        }
    }
}
