/// The endpoints of networks.
public struct NetworkEndpoints: Sendable {
    /// All of them, and the host's interfaces.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/networks", "List the networks.")
    /// Makes one.
    public let create = Endpoint<Network.Creation, Empty>(.post, "/1.0/networks", "Create a network.")
    /// One of them.
    public let get = Endpoint<Empty, Network>(.get, "/1.0/networks/{name}", "Show a network.")
    /// Replaces it.
    public let update = Endpoint<Network.Update, Empty>(.put, "/1.0/networks/{name}", "Replace a network.")
    /// Changes it in part.
    public let patch = Endpoint<Network.Update, Empty>(.patch, "/1.0/networks/{name}", "Change a network in part.")
    /// Gives it another name.
    public let rename = Endpoint<Network.Rename, Empty>(.post, "/1.0/networks/{name}", "Rename a network.")
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
