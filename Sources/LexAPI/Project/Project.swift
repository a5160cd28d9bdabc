/// A project as LXD's API shows it; there is only `default` yet.
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
