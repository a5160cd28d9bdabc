import LexAPI
import Yams

/// What a server is to have: the YAML of `lxd init --preseed`.
struct Preseed: Decodable, Equatable {
    var config: [String: String]?
    var networks: [Network]?
    var storagePools: [Pool]?
    var storageVolumes: [Volume]?
    var profiles: [Profile]?
    var projects: [Project]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case config, networks
        case storagePools = "storage_pools"
        case storageVolumes = "storage_volumes"
        case profiles, projects
    }

    struct Network: Decodable, Equatable {
        var config: [String: String]?
        var description: String?
        var name: String
        var type: String?
        var project: String?
        static let fields = ["config", "description", "name", "type", "project"]
    }
    struct Pool: Decodable, Equatable {
        var config: [String: String]?
        var description: String?
        var name: String
        var driver: String?
        static let fields = ["config", "description", "name", "driver"]
    }
    struct Volume: Decodable, Equatable {
        var config: [String: String]?
        var description: String?
        var name: String
        var pool: String
        var type: String?
        var contentType: String?
        var project: String?
        enum CodingKeys: String, CodingKey {
            case config, description, name, pool, type
            case contentType = "content_type"
            case project
        }
        static let fields = ["config", "description", "name", "pool", "type", "content_type", "project"]
    }
    struct Profile: Decodable, Equatable {
        var config: [String: String]?
        var description: String?
        var devices: [String: [String: String]]?
        var name: String
        var project: String?
        static let fields = ["config", "description", "devices", "name", "project"]
    }
    struct Project: Decodable, Equatable {
        var config: [String: String]?
        var description: String?
        var name: String
        static let fields = ["config", "description", "name"]
    }

    /// Nothing.
    init() {}

    /// Reads YAML. What is not known in it is refused: a word that is spelled wrong would else do nothing.
    init(yaml text: String) throws {
        do {
            guard let root = try Yams.compose(yaml: text) else {
                self.init()
                return
            }
            try Self.check(root)
            self = try YAMLDecoder().decode(Preseed.self, from: text)
        } catch let error as YamlError {
            throw InitFailure("Failed to parse the preseed: \(error)")
        } catch let error as DecodingError {
            throw InitFailure("Failed to parse the preseed: \(Self.sentence(error))")
        }
    }

    private static func check(_ root: Node) throws {
        guard let members = root.mapping else {
            throw InitFailure("Failed to parse the preseed: it must have names and values, such as \"config: {}\"")
        }
        let fields: [String: [String]] = [
            "networks": Network.fields, "storage_pools": Pool.fields, "storage_volumes": Volume.fields,
            "profiles": Profile.fields, "projects": Project.fields,
        ]
        for (key, value) in members {
            let name = key.string ?? ""
            if name == "cluster" {
                // `lxd init --dump` writes `cluster: null` on a server that stands alone.
                if value.null != nil || value.mapping?.isEmpty == true { continue }
                if value["enabled"]?.bool == false { continue }
                throw InitFailure(
                    "The preseed has a section \"cluster\", and lexd cannot be part of a cluster yet: leave it out")
            }
            guard CodingKeys(rawValue: name) != nil else {
                throw InitFailure("Failed to parse the preseed: there is no section \"\(name)\"")
            }
            guard let known = fields[name] else { continue }
            for entry in value.sequence ?? [] {
                for (field, _) in entry.mapping ?? [:] where !known.contains(field.string ?? "") {
                    throw InitFailure(
                        "Failed to parse the preseed: in \"\(name)\" there is no field \"\(field.string ?? "")\"")
                }
            }
        }
    }

    private static func sentence(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            let place = context.codingPath.map { $0.intValue.map { "\($0 + 1)" } ?? $0.stringValue }
            return place.isEmpty
                ? context.debugDescription : "at \(place.joined(separator: ".")): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }
}
