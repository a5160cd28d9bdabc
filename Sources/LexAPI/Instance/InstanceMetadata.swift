extension Instance {
    /// What an instance has of its image's `metadata.yaml` (`/1.0/instances/NAME/metadata`).
    public struct Metadata: Codable, Sendable, Equatable {
        /// The architecture, `x86_64`.
        @Lenient public var architecture: String
        /// When the image was built, in seconds since 1970.
        @Lenient public var creationDate: Int64
        /// When the image is to be removed, in seconds since 1970; 0 for never.
        @Lenient public var expiryDate: Int64
        /// Names and values that describe the image.
        @Lenient public var properties: [String: String]
        /// What is written into the instance, by its path there.
        @Lenient public var templates: [String: Template]

        enum CodingKeys: String, CodingKey {
            case architecture
            case creationDate = "creation_date"
            case expiryDate = "expiry_date"
            case properties, templates
        }

        /// Makes the value from all its parts.
        public init(
            architecture: String = "", creationDate: Int64 = 0, expiryDate: Int64 = 0,
            properties: [String: String] = [:], templates: [String: Template] = [:]
        ) {
            self.architecture = architecture
            self.creationDate = creationDate
            self.expiryDate = expiryDate
            self.properties = properties
            self.templates = templates
        }

        /// A file of an instance that is made from a template.
        public struct Template: Codable, Sendable, Equatable {
            /// The events at which it is written: `create`, `copy`, `rename`, `start`.
            @Lenient public var when: [String]
            /// Whether a file that is there already stays.
            @Lenient public var createOnly: Bool
            /// The name of the template.
            @Lenient public var template: String
            /// Values for this template alone.
            @Lenient public var properties: [String: String]

            enum CodingKeys: String, CodingKey {
                case when
                case createOnly = "create_only"
                case template, properties
            }

            /// Makes the value from all its parts.
            public init(
                when: [String], createOnly: Bool = false, template: String, properties: [String: String] = [:]
            ) {
                self.when = when
                self.createOnly = createOnly
                self.template = template
                self.properties = properties
            }
        }

        /// A change of it in part: what is not named stays, and a null takes away.
        public struct Change: Codable, Sendable {
            /// The architecture.
            public var architecture: String?
            /// When the image was built.
            public var creationDate: Int64?
            /// When the image is to be removed.
            public var expiryDate: Int64?
            /// The properties to set or to take away.
            public var properties: [String: String?]?
            /// The templates to set or to take away.
            public var templates: [String: Template?]?

            enum CodingKeys: String, CodingKey {
                case architecture
                case creationDate = "creation_date"
                case expiryDate = "expiry_date"
                case properties, templates
            }
        }

        /// Makes a change.
        public mutating func apply(_ change: Change) {
            architecture = change.architecture ?? architecture
            creationDate = change.creationDate ?? creationDate
            expiryDate = change.expiryDate ?? expiryDate
            for (name, value) in change.properties ?? [:] { properties[name] = value }
            for (path, template) in change.templates ?? [:] { templates[path] = template }
        }
    }
}
