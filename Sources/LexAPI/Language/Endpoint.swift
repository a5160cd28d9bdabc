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

    /// Declares an endpoint.
    public init(_ method: Method, _ path: String, access: Access = .trusted, _ summary: String) {
        self.method = method
        self.path = path
        self.access = access
        self.summary = summary
    }
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
    /// Storage pools.
    public static let storagePools = StoragePoolEndpoints()
    /// Projects.
    public static let projects = ProjectEndpoints()
    /// Operations and events.
    public static let operations = OperationEndpoints()

    /// All of them, found through `Mirror`.
    public static let all: [any AnyEndpoint] = {
        let sets: [Any] = [server, instances, images, profiles, networks, storagePools, projects, operations]
        return sets.flatMap { Mirror(reflecting: $0).children.compactMap { $0.value as? any AnyEndpoint } }
    }()
}
