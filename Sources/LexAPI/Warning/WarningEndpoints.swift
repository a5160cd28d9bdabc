/// The endpoints of warnings.
public struct WarningEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/warnings", "List the warnings.")
    /// One of them.
    public let get = Endpoint<Empty, Warning>(.get, "/1.0/warnings/{uuid}", "Show a warning.")
    /// Sets what a person makes of it.
    public let update = Endpoint<Warning.Update, Empty>(
        .put, "/1.0/warnings/{uuid}", "Acknowledge a warning, or make it new again.")
    /// The same.
    public let patch = Endpoint<Warning.Update, Empty>(
        .patch, "/1.0/warnings/{uuid}", "Acknowledge a warning, or make it new again, in part.")
    /// Forgets it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/warnings/{uuid}", "Delete a warning.")

    init() {}
}
