/// The configuration keys of everything that has some, for tools that show or complete them
/// (`GET /1.0/metadata/configuration`).
public struct ConfigurationMetadata: Codable, Sendable {
    /// By entity - `instance`, `network-bridge` - and group.
    public var configs: [String: [String: Group]]

    /// Keys that belong together.
    public struct Group: Codable, Sendable {
        /// Each as an object with the one member that is its name.
        public var keys: [[String: Key]]
    }

    /// One key.
    public struct Key: Codable, Sendable, Equatable {
        /// What its value is.
        public var type: String
        /// Its default, as text.
        public var defaultdesc: String
        /// One sentence on what it does.
        public var shortdesc: String
        /// More, where there is more to say.
        public var longdesc: String
        /// Whether a change takes effect at once: `yes` or `no`.
        public var liveupdate: String
        /// Whether it holds for the whole cluster (`global`) or for one member (`local`).
        public var scope: String
    }

    /// The keys of all entities.
    public static let all: ConfigurationMetadata = {
        var configs: [String: [String: Group]] = [:]
        for entity in ConfigEntity.all {
            for (group, keys) in entity.groups() {
                let sorted = keys.sorted { $0.name < $1.name }.map { [$0.name: $0.key] }
                configs[entity.name, default: [:]][group, default: Group(keys: [])].keys += sorted
            }
        }
        return ConfigurationMetadata(configs: configs)
    }()
}

/// A kind of thing with configuration keys.
public struct ConfigEntity: Sendable {
    /// Its name in ``ConfigurationMetadata``.
    public let name: String
    /// The group of keys that stand in no set of their own.
    let group: String
    /// Whether nested sets are no groups of their own.
    let isFlat: Bool
    let make: @Sendable () -> any ConfigKeySet
    let scope: @Sendable (String) -> String

    init(
        _ name: String, group: String, isFlat: Bool = false, _ type: (some ConfigKeySet).Type,
        scope: @escaping @Sendable (String) -> String = { _ in "global" }
    ) {
        self.name = name
        self.group = group
        self.isFlat = isFlat
        make = { type.init() }
        self.scope = scope
    }

    typealias Named = (name: String, key: ConfigurationMetadata.Key)

    /// The keys by group: each nested set is one.
    func groups() -> [String: [Named]] {
        var groups: [String: [Named]] = [:]
        collect(make(), into: group, &groups)
        return groups
    }

    private func collect(_ set: Any, into group: String, _ groups: inout [String: [Named]]) {
        for child in Mirror(reflecting: set).children {
            switch child.value {
            case let key as any AnyConfigKey: groups[group, default: []].append((key.name, described(key)))
            case let family as ConfigKeyFamily:
                if family.isOpen { groups[group, default: []].append((family.prefix + "*", described(family))) }
                groups[group, default: []] += family.members.map { (family.prefix + $0.name, described(family, $0)) }
            case let set as any ConfigKeySet: collect(set, into: isFlat ? group : child.label ?? group, &groups)
            default: break
            }
        }
    }

    private func described(_ key: any AnyConfigKey) -> ConfigurationMetadata.Key {
        ConfigurationMetadata.Key(
            type: key.typeName, defaultdesc: key.defaultText ?? "", shortdesc: key.summary,
            longdesc: key.lacking.map { "It cannot be set yet: it needs \($0)." } ?? "",
            liveupdate: key.effect == .live ? "yes" : "no", scope: scope(key.name))
    }

    private func described(
        _ family: ConfigKeyFamily, _ member: ConfigKeyFamily.Member? = nil
    ) -> ConfigurationMetadata.Key {
        ConfigurationMetadata.Key(
            type: "string", defaultdesc: member?.defaultText ?? "", shortdesc: member?.summary ?? family.summary,
            longdesc: "",
            liveupdate: family.effect == .live ? "yes" : "no", scope: scope(family.prefix))
    }
}
