/// The endpoints of operations and events.
public struct OperationEndpoints: Sendable {
    /// All of them, by state.
    public let list = Endpoint<Empty, [String: JSONValue]>(.get, "/1.0/operations", "List the operations.")
    /// One of them.
    public let get = Endpoint<Empty, Operation>(.get, "/1.0/operations/{id}", "Show an operation.")
    /// Cancels it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/operations/{id}", "Cancel an operation.")
    /// Waits for its end.
    public let wait = Endpoint<Empty, Operation>(
        .get, "/1.0/operations/{id}/wait", access: .secret, "Wait for the end of an operation.")
    /// One of its streams.
    public let websocket = RawEndpoint(
        .get, "/1.0/operations/{id}/websocket", access: .secret, "Connect to a stream of an operation.")
    /// What happens.
    public let events = RawEndpoint(.get, "/1.0/events", "Follow what happens, over a websocket.")

    init() {}
}
