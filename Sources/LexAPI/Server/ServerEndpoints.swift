/// The endpoints of the server itself.
public struct ServerEndpoints: Sendable {
    /// The versions of the API.
    public let versions = Endpoint<Empty, [String]>(.get, "/", access: .anyone, "List the versions of the API.")
    /// What the server is.
    public let get = Endpoint<Empty, Server>(.get, "/1.0", access: .anyone, "Show the server.")
    /// Replaces its configuration.
    public let update = Endpoint<Server.Update, Empty>(.put, "/1.0", "Replace the configuration of the server.")
    /// Changes its configuration in part.
    public let patch = Endpoint<Server.Update, Empty>(.patch, "/1.0", "Change the configuration of the server in part.")
    /// What the machine is made of.
    public let resources = Endpoint<Empty, Resources>(.get, "/1.0/resources", "Show what the machine is made of.")
    /// What the instances and the daemon use, for Prometheus.
    public let metrics = RawEndpoint(
        .get, "/1.0/metrics", "Measure what the instances and the daemon use, as OpenMetrics text.")
    /// The configuration keys of everything.
    public let configuration = Endpoint<Empty, ConfigurationMetadata>(
        .get, "/1.0/metadata/configuration", "List the configuration keys of everything that has some.")
    /// Whether it is ready; not part of the public API.
    public let ready = Endpoint<Empty, Empty>(.get, "/internal/ready", "Answer when the server is ready.")
    /// Stops the instances and ends; not part of the public API.
    public let shutdown = Endpoint<Empty, Empty>(
        .put, "/internal/shutdown", "Stop the instances cleanly and end the server.")

    init() {}
}
