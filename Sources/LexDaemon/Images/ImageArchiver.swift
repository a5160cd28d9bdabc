import LexAPI
import LexIPC

/// What handles the bytes of images: the confined helper in earnest.
protocol ImageArchiver: Sendable {
    /// Unpacks an image into an empty directory; `root` is the file with its root file system, when that is another.
    func unpackImage(
        input: Int32, root: Int32?, into directory: String, limits: ArchiveLimits,
        progress: @escaping @Sendable (UInt64) -> Void
    ) async throws -> ArchiveResult
}

/// What builds an image from a recipe.
protocol ImageBuilding: Sendable {
    /// The recipes there are, by name: `debian/12`.
    func templates() async throws -> [Image.Template]
    /// Builds one into a new file; `progress` hears what it is doing.
    func build(
        recipe: String, into path: String, progress: @escaping @Sendable (String) -> Void
    ) async throws
}
