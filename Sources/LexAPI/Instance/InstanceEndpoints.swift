/// The endpoints of instances.
public struct InstanceEndpoints: Sendable {
    /// All of them, as URLs, objects (`recursion=1`) or with their state (`recursion=2`).
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/instances", "List the instances.")
    /// Makes one in the background.
    public let create = Endpoint<Instance.Creation, Operation>(.post, "/1.0/instances", "Create an instance.")
    /// Starts, stops, freezes all of a project in the background.
    public let changeStates = Endpoint<Instance.StatesChange, Operation>(
        .put, "/1.0/instances", "Start, stop, restart, freeze or unfreeze all instances.")
    /// One of them.
    public let get = Endpoint<Empty, Instance>(.get, "/1.0/instances/{name}", "Show an instance.")
    /// Replaces its configuration in the background.
    public let update = Endpoint<Instance.Update, Operation>(
        .put, "/1.0/instances/{name}", "Replace the configuration of an instance.")
    /// Changes its configuration in part, at once.
    public let patch = Endpoint<Instance.Update, Instance.Changed>(
        .patch, "/1.0/instances/{name}", "Change the configuration of an instance in part.")
    /// Renames it, or moves it to another pool or project, in the background.
    public let move = Endpoint<Instance.Move, Operation>(
        .post, "/1.0/instances/{name}", "Rename an instance, or move it to another pool or project.")
    /// Deletes it in the background.
    public let delete = Endpoint<Empty, Operation>(.delete, "/1.0/instances/{name}", "Delete an instance.")
    /// What it does at this moment.
    public let state = Endpoint<Empty, Instance.State>(
        .get, "/1.0/instances/{name}/state", "Show what an instance does at this moment.")
    /// Starts, stops, freezes it in the background.
    public let changeState = Endpoint<Instance.StateChange, Operation>(
        .put, "/1.0/instances/{name}/state", "Start, stop, restart, freeze or unfreeze an instance.")
    /// Why it is as it is.
    public let explanation = Endpoint<Empty, Instance.Explanation>(
        .get, "/1.0/instances/{name}/explanation", "Show why an instance is as it is.")
    /// Runs a command in it.
    public let exec = Endpoint<Instance.Exec, Operation>(
        .post, "/1.0/instances/{name}/exec", "Run a command in an instance.")
    /// Attaches to its console.
    public let console = Endpoint<Instance.Console, Operation>(
        .post, "/1.0/instances/{name}/console", "Attach to the console of an instance.")
    /// What it has said on its console lately.
    public let consoleLog = RawEndpoint(
        .get, "/1.0/instances/{name}/console", "Read what an instance has said on its console lately.")
    /// Forgets that.
    public let clearConsoleLog = Endpoint<Empty, Empty>(
        .delete, "/1.0/instances/{name}/console", "Forget what an instance has said on its console.")
    /// Its log files.
    public let logs = Endpoint<Empty, [String]>(
        .get, "/1.0/instances/{name}/logs", "List the log files of an instance.")
    /// One log file.
    public let log = RawEndpoint(.get, "/1.0/instances/{name}/logs/{file}", "Read a log file of an instance.")
    /// Removes a log file.
    public let deleteLog = Endpoint<Empty, Empty>(
        .delete, "/1.0/instances/{name}/logs/{file}", "Delete a recorded output of an instance.")
    /// One of its files, or what is in a directory; what it is stands in the headers `X-LXD-*`.
    public let file = RawEndpoint(
        .get, "/1.0/instances/{name}/files", "Read a file of an instance, or list a directory.")
    /// What a file is, without its content.
    public let fileHead = RawEndpoint(.head, "/1.0/instances/{name}/files", "Ask what a file of an instance is.")
    /// Writes a file, or makes a directory or a symbolic link.
    public let putFile = RawEndpoint(
        .post, "/1.0/instances/{name}/files", "Write a file of an instance, or make a directory or a symbolic link.")
    /// Removes a file, or an empty directory.
    public let deleteFile = Endpoint<Empty, Empty>(
        .delete, "/1.0/instances/{name}/files", "Delete a file or an empty directory of an instance.")
    /// Its files over SFTP, behind the HTTP upgrade to `sftp`.
    public let sftp = RawEndpoint(
        .get, "/1.0/instances/{name}/sftp", "Reach the files of an instance over SFTP, by the HTTP upgrade to sftp.")
    /// What it has of its image's metadata.
    public let metadata = Endpoint<Empty, Instance.Metadata>(
        .get, "/1.0/instances/{name}/metadata", "Show the image metadata of an instance.")
    /// Replaces it.
    public let updateMetadata = Endpoint<Instance.Metadata, Empty>(
        .put, "/1.0/instances/{name}/metadata", "Replace the image metadata of an instance.")
    /// Changes it in part.
    public let patchMetadata = Endpoint<Instance.Metadata.Change, Empty>(
        .patch, "/1.0/instances/{name}/metadata", "Change the image metadata of an instance in part.")
    /// The names of its templates, or the content of one, by `path` in the query.
    public let templates = RawEndpoint(
        .get, "/1.0/instances/{name}/metadata/templates", "List the templates of an instance, or read one.")
    /// Writes a template.
    public let putTemplate = RawEndpoint(
        .post, "/1.0/instances/{name}/metadata/templates", "Create or replace a template of an instance.")
    /// Removes a template.
    public let deleteTemplate = Endpoint<Empty, Empty>(
        .delete, "/1.0/instances/{name}/metadata/templates", "Delete a template of an instance.")
    /// Its snapshots, as URLs or objects.
    public let listSnapshots = Endpoint<Empty, JSONValue>(
        .get, "/1.0/instances/{name}/snapshots", "List the snapshots of an instance.")
    /// Makes one in the background.
    public let createSnapshot = Endpoint<Instance.Snapshot.Creation, Operation>(
        .post, "/1.0/instances/{name}/snapshots", "Create a snapshot of an instance.")
    /// One of them.
    public let getSnapshot = Endpoint<Empty, Instance.Snapshot>(
        .get, "/1.0/instances/{name}/snapshots/{snapshot}", "Show a snapshot of an instance.")
    /// Renames it in the background.
    public let renameSnapshot = Endpoint<Instance.Snapshot.Rename, Operation>(
        .post, "/1.0/instances/{name}/snapshots/{snapshot}", "Rename a snapshot of an instance.")
    /// Replaces what can be changed of it.
    public let updateSnapshot = Endpoint<Instance.Snapshot.Update, Operation>(
        .put, "/1.0/instances/{name}/snapshots/{snapshot}", "Replace the expiry of a snapshot of an instance.")
    /// Changes what can be changed of it.
    public let patchSnapshot = Endpoint<Instance.Snapshot.Update, Operation>(
        .patch, "/1.0/instances/{name}/snapshots/{snapshot}", "Change the expiry of a snapshot of an instance.")
    /// Deletes it in the background.
    public let deleteSnapshot = Endpoint<Empty, Operation>(
        .delete, "/1.0/instances/{name}/snapshots/{snapshot}", "Delete a snapshot of an instance.")

    init() {}
}
