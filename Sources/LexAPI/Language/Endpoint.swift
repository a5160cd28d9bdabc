/// The HTTP methods of the REST API.
public enum Method: String, Sendable {
    /// Reads.
    case get = "GET"
    /// Reads, without the body.
    case head = "HEAD"
    /// Replaces.
    case put = "PUT"
    /// Changes in part.
    case patch = "PATCH"
    /// Makes, or does.
    case post = "POST"
    /// Removes.
    case delete = "DELETE"
}

/// Who may use an endpoint.
public enum Access: String, Sendable {
    /// Everyone; what a stranger is told is cut.
    case anyone
    /// Whoever holds the secret named in the request: the websockets of an operation.
    case secret
    /// Whoever can write to the Unix socket, or has a trusted certificate.
    case trusted
}

/// What can be asked of an endpoint without knowing its bodies.
public protocol AnyEndpoint: Sendable {
    /// How it is asked.
    var method: Method { get }
    /// Where: a path with parts in braces, `/1.0/instances/{name}`.
    var path: String { get }
    /// Who may ask.
    var access: Access { get }
    /// One sentence.
    var summary: String { get }
    /// What is sent as JSON; nil when nothing is, or when it is not JSON alone.
    var bodyType: (any Decodable.Type)? { get }
    /// What comes back as JSON; nil when nothing does, or when it is not JSON.
    var replyType: (any Decodable.Type)? { get }
    /// Whether the bodies are more than JSON: files, streams, websockets.
    var isRaw: Bool { get }
}

/// An endpoint whose bodies are JSON: what is sent and what comes back in the envelope's `metadata`.
public struct Endpoint<Body: Codable & Sendable, Reply: Codable & Sendable>: AnyEndpoint {
    /// How it is asked.
    public let method: Method
    /// Where, with parts in braces.
    public let path: String
    /// Who may ask.
    public let access: Access
    /// One sentence.
    public let summary: String

    /// Declares an endpoint.
    public init(_ method: Method, _ path: String, access: Access = .trusted, _ summary: String) {
        self.method = method
        self.path = path
        self.access = access
        self.summary = summary
    }
}

extension Endpoint {
    /// What is sent as JSON.
    public var bodyType: (any Decodable.Type)? { Body.self == Empty.self ? nil : Body.self }
    /// What comes back as JSON.
    public var replyType: (any Decodable.Type)? { Reply.self == Empty.self ? nil : Reply.self }
    /// Never.
    public var isRaw: Bool { false }
}

/// An endpoint whose bodies are not JSON: files, streams, websockets.
public struct RawEndpoint: AnyEndpoint {
    /// How it is asked.
    public let method: Method
    /// Where, with parts in braces.
    public let path: String
    /// Who may ask.
    public let access: Access
    /// One sentence.
    public let summary: String
    /// What may be sent as JSON, where that is one of the ways.
    public let json: (any (Decodable & Sendable).Type)?
    /// Whether something else than JSON may be sent.
    public let takesBytes: Bool

    /// Declares an endpoint.
    ///
    /// - Parameters:
    ///   - json: What may be sent as JSON, where that is one of the ways.
    ///   - takesBytes: Whether something else may be sent beside that JSON.
    public init(
        _ method: Method, _ path: String, access: Access = .trusted, _ summary: String,
        json: (any (Decodable & Sendable).Type)? = nil, takesBytes: Bool = false
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.summary = summary
        self.json = json
        self.takesBytes = takesBytes || json == nil && [.post, .put, .patch].contains(method)
    }
}

extension RawEndpoint {
    /// What may be sent as JSON, where that is one of the ways.
    public var bodyType: (any Decodable.Type)? { json }
    /// Nothing.
    public var replyType: (any Decodable.Type)? { nil }
    /// Always.
    public var isRaw: Bool { true }
}

/// Every endpoint of the REST API, declared once: the daemon mounts these, the client calls these.
public enum API {
    /// The server itself.
    public static let server = ServerEndpoints()
    /// Instances.
    public static let instances = InstanceEndpoints()
    /// Images and their aliases.
    public static let images = ImageEndpoints()
    /// Profiles.
    public static let profiles = ProfileEndpoints()
    /// Networks.
    public static let networks = NetworkEndpoints()
    /// Forwards of networks.
    public static let networkForwards = NetworkForwardEndpoints()
    /// Network ACLs.
    public static let networkACLs = NetworkACLEndpoints()
    /// Storage pools.
    public static let storagePools = StoragePoolEndpoints()
    /// Volumes of storage pools.
    public static let storageVolumes = StorageVolumeEndpoints()
    /// Projects.
    public static let projects = ProjectEndpoints()
    /// Operations and events.
    public static let operations = OperationEndpoints()
    /// Warnings.
    public static let warnings = WarningEndpoints()

    /// All of them, found through `Mirror`.
    public static let all: [any AnyEndpoint] = {
        let sets: [Any] = [
            server, instances, images, profiles, networks, networkForwards, networkACLs, storagePools,
            storageVolumes, projects, operations, warnings,
        ]
        return sets.flatMap { Mirror(reflecting: $0).children.compactMap { $0.value as? any AnyEndpoint } }
    }()
}
