/// The endpoints of storage pools.
public struct StoragePoolEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/storage-pools", "List the storage pools.")
    /// Makes one.
    public let create = Endpoint<StoragePool.Creation, Empty>(.post, "/1.0/storage-pools", "Create a storage pool.")
    /// One of them.
    public let get = Endpoint<Empty, StoragePool>(.get, "/1.0/storage-pools/{name}", "Show a storage pool.")
    /// Replaces its configuration.
    public let update = Endpoint<StoragePool.Update, Empty>(
        .put, "/1.0/storage-pools/{name}", "Replace the configuration of a storage pool.")
    /// Changes its configuration.
    public let patch = Endpoint<StoragePool.Update, Empty>(
        .patch, "/1.0/storage-pools/{name}", "Change the configuration of a storage pool.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/storage-pools/{name}", "Delete a storage pool.")
    /// How much room it has.
    public let resources = Endpoint<Empty, StoragePool.Resources>(
        .get, "/1.0/storage-pools/{name}/resources", "Show how much room a storage pool has.")

    init() {}
}
