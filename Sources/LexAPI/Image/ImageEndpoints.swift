/// The endpoints of images and their aliases.
public struct ImageEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/images", "List the images.")
    /// Takes one file or two, or makes an image of what the server has.
    public let create = RawEndpoint(
        .post, "/1.0/images", "Upload, copy or make an image.", json: Image.Creation.self, takesBytes: true)
    /// One of them, by its fingerprint or the beginning of it.
    public let get = Endpoint<Empty, Image>(.get, "/1.0/images/{fingerprint}", "Show an image.")
    /// Replaces what can be changed of it.
    public let update = Endpoint<Image.Update, Empty>(
        .put, "/1.0/images/{fingerprint}", "Replace an image's properties.")
    /// Changes it in part.
    public let patch = Endpoint<Image.Update, Empty>(
        .patch, "/1.0/images/{fingerprint}", "Change an image's properties in part.")
    /// Deletes it in the background.
    public let delete = Endpoint<Empty, Operation>(.delete, "/1.0/images/{fingerprint}", "Delete an image.")
    /// Its file as it was uploaded.
    public let export = RawEndpoint(.get, "/1.0/images/{fingerprint}/export", "Download the file of an image.")
    /// Sends it to another server.
    public let push = Endpoint<Image.Push, Operation>(
        .post, "/1.0/images/{fingerprint}/export", "Send an image to another server.")
    /// Asks its source whether there is a newer one.
    public let refresh = Endpoint<Empty, Operation>(
        .post, "/1.0/images/{fingerprint}/refresh", "Bring an image to what its source has now.")
    /// Makes a secret that lets somebody else download it.
    public let secret = Endpoint<Empty, Operation>(
        .post, "/1.0/images/{fingerprint}/secret", "Let somebody download an image once.")
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
