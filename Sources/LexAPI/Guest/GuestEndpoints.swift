/// The endpoints of `/dev/lxd/sock`, by which an instance is told what concerns itself. They are not part of the REST API:
/// answers have no envelope, and a refusal is plain text.
public struct GuestEndpoints: Sendable {
    /// What there is.
    public let root = RawEndpoint(.get, "/", "List the versions of the API.")
    /// What the instance is, and what it said of its state.
    public let get = RawEndpoint(.get, "/1.0", "Show what kind of instance this is.")
    /// Says that the instance is ready, or only started.
    public let setState = RawEndpoint(.patch, "/1.0", "Say that the instance is ready.", json: GuestState.self)
    /// The keys of its configuration that are meant for it.
    public let listConfig = RawEndpoint(.get, "/1.0/config", "List the configuration keys meant for the instance.")
    /// The value of one.
    public let config = RawEndpoint(.get, "/1.0/config/{key}", "Read a configuration key meant for the instance.")
    /// Its devices.
    public let devices = RawEndpoint(.get, "/1.0/devices", "Show the devices of the instance.")
    /// What happens to its configuration and devices, as it happens.
    public let events = RawEndpoint(.get, "/1.0/events", "Follow changes of the configuration and devices.")
    /// What cloud-init takes for metadata.
    public let metaData = RawEndpoint(.get, "/1.0/meta-data", "Read the metadata for cloud-init.")
    /// An image.
    public let exportImage = RawEndpoint(
        .get, "/1.0/images/{fingerprint}/export", "Fetch an image, where the instance may.")

    /// All of them.
    public init() {}
}

/// What an instance says of its state (`PATCH /1.0` on `/dev/lxd/sock`).
public struct GuestState: Codable, Sendable {
    /// `Ready` or `Started`.
    @Lenient public var state: String

    /// Makes the value.
    public init(state: String) { self.state = state }
}
