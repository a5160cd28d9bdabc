import LexAPI
import Yams

/// A preseed as YAML, in the order and with the quotes that LXD writes it.
enum PreseedText {
    static func yaml(_ preseed: Preseed) -> String {
        let root = map([
            ("config", strings(preseed.config)),
            (
                "networks",
                list(preseed.networks) { network in
                    [
                        ("config", strings(network.config)), ("description", text(network.description)),
                        ("name", text(network.name)), ("type", text(network.type)),
                        ("project", text(network.project ?? LexAPI.Project.defaultName)),
                    ]
                }
            ),
            (
                "storage_pools",
                list(preseed.storagePools) { pool in
                    [
                        ("config", strings(pool.config)), ("description", text(pool.description)),
                        ("name", text(pool.name)), ("driver", text(pool.driver)),
                    ]
                }
            ),
            (
                "profiles",
                list(preseed.profiles) { profile in
                    let devices = (profile.devices ?? [:]).sorted { $0.key < $1.key }
                    var fields: [(String, Node)] = [
                        ("config", strings(profile.config)), ("description", text(profile.description)),
                        ("devices", map(devices.map { ($0.key, strings($0.value)) })), ("name", text(profile.name)),
                    ]
                    if let project = profile.project { fields.append(("project", text(project))) }
                    return fields
                }
            ),
            (
                "projects",
                list(preseed.projects) { project in
                    [
                        ("config", strings(project.config)), ("description", text(project.description)),
                        ("name", text(project.name)),
                    ]
                }
            ),
        ])
        return (try? Yams.serialize(node: root, allowUnicode: true)) ?? ""
    }

    private static func list<Entry>(_ entries: [Entry]?, _ fields: (Entry) -> [(String, Node)]) -> Node {
        let entries = entries ?? []
        return .sequence(.init(entries.map { map(fields($0)) }, Tag(.seq), entries.isEmpty ? .flow : .block))
    }

    private static func strings(_ values: [String: String]?) -> Node {
        map((values ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, text($0.value)) })
    }

    private static func map(_ members: [(String, Node)]) -> Node {
        .mapping(.init(members.map { (text($0.0), $0.1) }, Tag(.map), members.isEmpty ? .flow : .block))
    }

    /// In quotes what would be read as something else than text.
    private static func text(_ value: String?) -> Node {
        let value = value ?? ""
        if value.contains("\n") { return .scalar(.init(value, Tag(.str), .literal)) }
        let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ""]
        let isText =
            Resolver.default.resolveTag(of: Node(value, Tag(.implicit), .plain)) == .str
            && !words.contains(value.lowercased())
        return .scalar(.init(value, Tag(.str), isText ? .plain : .doubleQuoted))
    }
}
