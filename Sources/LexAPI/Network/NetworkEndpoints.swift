/// The endpoints of networks.
public struct NetworkEndpoints: Sendable {
    /// All of them, and the host's interfaces.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/networks", "List the networks.")
    /// Makes one.
    public let create = Endpoint<Network.Creation, Empty>(.post, "/1.0/networks", "Create a network.")
    /// One of them.
    public let get = Endpoint<Empty, Network>(.get, "/1.0/networks/{name}", "Show a network.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/networks/{name}", "Delete a network.")
    /// What its interface does.
    public let state = Endpoint<Empty, Network.State>(
        .get, "/1.0/networks/{name}/state", "Show what the interface of a network does.")
    /// The addresses that were given out.
    public let leases = Endpoint<Empty, [Network.Lease]>(
        .get, "/1.0/networks/{name}/leases", "List the addresses that were given out on a network.")

    init() {}
}
