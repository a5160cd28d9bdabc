/// The endpoints of the volumes of a storage pool.
public struct StorageVolumeEndpoints: Sendable {
    private static let volumes = "/1.0/storage-pools/{pool}/volumes"

    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, volumes, "List the volumes of a storage pool.")
    /// Makes a custom one.
    public let create = RawEndpoint(
        .post, volumes, "Create a custom volume.", json: StorageVolume.Creation.self)
    /// Those of a kind.
    public let listOfType = Endpoint<Empty, JSONValue>(
        .get, volumes + "/{type}", "List the volumes of one kind of a storage pool.")
    /// Makes a custom one.
    public let createOfType = RawEndpoint(
        .post, volumes + "/{type}", "Create a custom volume.", json: StorageVolume.Creation.self)
    /// One of them.
    public let get = Endpoint<Empty, StorageVolume>(.get, volumes + "/{type}/{volume}", "Show a volume.")
    /// Renames it, or moves it to another pool or project.
    public let move = RawEndpoint(
        .post, volumes + "/{type}/{volume}", "Rename or move a custom volume.", json: StorageVolume.Move.self)
    /// Replaces its configuration, or brings back a snapshot.
    public let update = Endpoint<StorageVolume.Update, Empty>(
        .put, volumes + "/{type}/{volume}", "Replace the configuration of a custom volume, or restore a snapshot.")
    /// Changes its configuration.
    public let patch = Endpoint<StorageVolume.Update, Empty>(
        .patch, volumes + "/{type}/{volume}", "Change the configuration of a custom volume.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(.delete, volumes + "/{type}/{volume}", "Delete a volume.")
    /// How much room it takes.
    public let state = Endpoint<Empty, StorageVolume.State>(
        .get, volumes + "/{type}/{volume}/state", "Show how much room a volume takes.")
    /// Its snapshots.
    public let listSnapshots = Endpoint<Empty, JSONValue>(
        .get, volumes + "/{type}/{volume}/snapshots", "List the snapshots of a custom volume.")
    /// Makes one.
    public let createSnapshot = Endpoint<StorageVolume.Snapshot.Creation, Operation>(
        .post, volumes + "/{type}/{volume}/snapshots", "Create a snapshot of a custom volume.")
    /// One of them.
    public let getSnapshot = Endpoint<Empty, StorageVolume.Snapshot>(
        .get, volumes + "/{type}/{volume}/snapshots/{snapshot}", "Show a snapshot of a custom volume.")
    /// Renames it.
    public let renameSnapshot = Endpoint<StorageVolume.Snapshot.Rename, Operation>(
        .post, volumes + "/{type}/{volume}/snapshots/{snapshot}", "Rename a snapshot of a custom volume.")
    /// Replaces what can be changed of it.
    public let updateSnapshot = Endpoint<StorageVolume.Snapshot.Update, Empty>(
        .put, volumes + "/{type}/{volume}/snapshots/{snapshot}",
        "Replace the description and expiry of a snapshot of a custom volume.")
    /// Changes what can be changed of it.
    public let patchSnapshot = Endpoint<StorageVolume.Snapshot.Update, Empty>(
        .patch, volumes + "/{type}/{volume}/snapshots/{snapshot}",
        "Change the description or expiry of a snapshot of a custom volume.")
    /// Removes it.
    public let deleteSnapshot = Endpoint<Empty, Operation>(
        .delete, volumes + "/{type}/{volume}/snapshots/{snapshot}", "Delete a snapshot of a custom volume.")

    init() {}
}
