extension Instance {
    /// A new name, pool or project for an instance (`POST /1.0/instances/NAME`).
    public struct Move: Codable, Sendable {
        /// The new name.
        @Lenient public var name: String
        /// Whether the files move, to another pool, project or server; else it is a rename.
        @Lenient public var migration: Bool
        /// Whether its memory moves along.
        @Lenient public var live: Bool
        /// Whether its snapshots stay behind.
        @Lenient public var instanceOnly: Bool
        /// The pool to move to; empty for the one it is in.
        @Lenient public var pool: String
        /// The project to move to; empty for the one it is in.
        @Lenient public var project: String
        /// Another server that takes it.
        @Nullable public var target: [String: JSONValue]?

        enum CodingKeys: String, CodingKey {
            case name, migration, live
            case instanceOnly = "instance_only"
            case pool, project, target
        }

        /// A new name and nothing else.
        public init(name: String) {
            self.name = name
            migration = false
            live = false
            instanceOnly = false
            pool = ""
            project = ""
        }

        /// Another pool or project on the same server, and the name there.
        public init(name: String, pool: String = "", project: String = "", instanceOnly: Bool = false) {
            self.init(name: name)
            migration = true
            self.pool = pool
            self.project = project
            self.instanceOnly = instanceOnly
        }
    }
}
