/// The endpoints of profiles.
public struct ProfileEndpoints: Sendable {
    /// All of them.
    public let list = Endpoint<Empty, JSONValue>(.get, "/1.0/profiles", "List the profiles.")
    /// Makes one.
    public let create = Endpoint<Profile.Creation, Empty>(.post, "/1.0/profiles", "Create a profile.")
    /// One of them.
    public let get = Endpoint<Empty, Profile>(.get, "/1.0/profiles/{name}", "Show a profile.")
    /// Replaces it.
    public let update = Endpoint<Profile.Update, Profile.Changed>(
        .put, "/1.0/profiles/{name}", "Replace a profile.")
    /// Changes it in part.
    public let patch = Endpoint<Profile.Update, Profile.Changed>(
        .patch, "/1.0/profiles/{name}", "Change a profile in part.")
    /// Gives it another name.
    public let rename = Endpoint<Profile.Rename, Empty>(.post, "/1.0/profiles/{name}", "Rename a profile.")
    /// Removes it.
    public let delete = Endpoint<Empty, Empty>(.delete, "/1.0/profiles/{name}", "Delete a profile.")

    init() {}
}
