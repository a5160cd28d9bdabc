/// What can stand before the colon of a name.
enum Remote: String, CaseIterable {
    /// The server on this machine.
    case local
    /// The recipes from which the server builds images.
    case template
}

/// A thing as a person names it: `web`, `local:web`, `template:debian/12`.
struct Reference: Equatable {
    let remote: Remote
    /// The name without its remote; empty when only the remote is named.
    let name: String

    init(remote: Remote, name: String) {
        self.remote = remote
        self.name = name
    }

    init(_ text: String) throws {
        guard let colon = text.firstIndex(of: ":") else {
            remote = .local
            name = text
            return
        }
        guard let remote = Remote(rawValue: String(text[..<colon])) else {
            throw Failure(
                "There is no remote \"\(text[..<colon])\" for \"\(text)\"; there are"
                    + " \(Remote.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " and "))")
        }
        self.remote = remote
        name = String(text[text.index(after: colon)...])
    }
}

extension Remote {
    var url: String { self == .local ? "unix://" : "template://" }
    var protocolName: String { self == .local ? "lxd" : "template" }
    var authentication: String { self == .local ? "file access" : "none" }
    var isPublic: Bool { self == .template }
}

/// A remote as JSON and YAML show it.
struct RemoteView: Encodable {
    let addr: String
    let authType = ""
    let domain = ""
    let project: String
    let protocolName: String
    let isPublic: Bool
    let isGlobal = false
    let isStatic = true

    /// Those of the stock client.
    enum CodingKeys: String, CodingKey {
        case addr = "Addr"
        case authType = "AuthType"
        case domain = "Domain"
        case project = "Project"
        case protocolName = "Protocol"
        case isPublic = "Public"
        case isGlobal = "Global"
        case isStatic = "Static"
    }

    init(of remote: Remote, project: String) {
        addr = remote.url
        self.project = project
        // The stock client leaves it out where it is its own.
        protocolName = remote == .local ? "" : remote.protocolName
        isPublic = remote.isPublic
    }
}
