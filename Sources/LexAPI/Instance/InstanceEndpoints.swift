/// The endpoints of instances.
public struct InstanceEndpoints: Sendable {
    /// All of them, as URLs, objects (`recursion=1`) or with their state (`recursion=2`).
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/instances", "List the instances.")
    /// Makes one in the background.
    public let create = Endpoint<Instance.Creation, Operation>(.post, "/1.0/instances", "Create an instance.")
    /// One of them.
    public let get = Endpoint<Empty, Instance>(.get, "/1.0/instances/{name}", "Show an instance.")
    /// Replaces its configuration in the background.
    public let update = Endpoint<Instance.Update, Operation>(
        .put, "/1.0/instances/{name}", "Replace the configuration of an instance.")
    /// Changes its configuration in part, at once.
    public let patch = Endpoint<Instance.Update, Empty>(
        .patch, "/1.0/instances/{name}", "Change the configuration of an instance in part.")
    /// Deletes it in the background.
    public let delete = Endpoint<Empty, Operation>(.delete, "/1.0/instances/{name}", "Delete an instance.")
    /// What it does at this moment.
    public let state = Endpoint<Empty, Instance.State>(
        .get, "/1.0/instances/{name}/state", "Show what an instance does at this moment.")
    /// Starts, stops, freezes it in the background.
    public let changeState = Endpoint<Instance.StateChange, Operation>(
        .put, "/1.0/instances/{name}/state", "Start, stop, restart, freeze or unfreeze an instance.")
    /// Runs a command in it.
    public let exec = Endpoint<Instance.Exec, Operation>(
        .post, "/1.0/instances/{name}/exec", "Run a command in an instance.")
    /// Its log files.
    public let logs = Endpoint<Empty, [String]>(
        .get, "/1.0/instances/{name}/logs", "List the log files of an instance.")
    /// One log file.
    public let log = RawEndpoint(.get, "/1.0/instances/{name}/logs/{file}", "Read a log file of an instance.")
    /// Removes a log file.
    public let deleteLog = Endpoint<Empty, Empty>(
        .delete, "/1.0/instances/{name}/logs/{file}", "Delete a recorded output of an instance.")

    init() {}
}
