/// The endpoints of images and their aliases.
public struct ImageEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/images", "List the images.")
    /// Takes a tarball, or builds from a template.
    public let create = RawEndpoint(.post, "/1.0/images", "Upload an image, or build one from a template.")
    /// One of them, by its fingerprint or the beginning of it.
    public let get = Endpoint<Empty, Image>(.get, "/1.0/images/{fingerprint}", "Show an image.")
    /// Deletes it in the background.
    public let delete = Endpoint<Empty, Operation>(.delete, "/1.0/images/{fingerprint}", "Delete an image.")
    /// Its file as it was uploaded.
    public let export = RawEndpoint(.get, "/1.0/images/{fingerprint}/export", "Download the file of an image.")
    /// What images can be built from; an addition of lexd.
    public let templates = Endpoint<Empty, [Image.Template]>(
        .get, "/1.0/image-templates", "List the recipes that images can be built from.")
    /// All aliases.
    public let aliases = Endpoint<Empty, JSONValue>(.get, "/1.0/images/aliases", "List the aliases of images.")
    /// Makes one.
    public let createAlias = Endpoint<Image.AliasEntry, Empty>(
        .post, "/1.0/images/aliases", "Give an image an alias.")
    /// One alias.
    public let alias = Endpoint<Empty, Image.AliasEntry>(
        .get, "/1.0/images/aliases/{name}", "Show an alias.")
    /// Replaces it.
    public let updateAlias = Endpoint<Image.AliasUpdate, Empty>(
        .put, "/1.0/images/aliases/{name}", "Replace an alias.")
    /// Changes it in part.
    public let patchAlias = Endpoint<Image.AliasUpdate, Empty>(
        .patch, "/1.0/images/aliases/{name}", "Change an alias in part.")
    /// Gives it another name.
    public let renameAlias = Endpoint<Image.Rename, Empty>(
        .post, "/1.0/images/aliases/{name}", "Rename an alias.")
    /// Removes it.
    public let deleteAlias = Endpoint<Empty, Empty>(.delete, "/1.0/images/aliases/{name}", "Delete an alias.")

    init() {}
}
