import LexAPI
import LexHost

/// The images that can be made here: the recipes of a directory, read anew each time, so that one can be added.
struct Templates: ImageBuilding {
    private let directory: String
    private let mountPoint: String
    private let builder: TemplateBuilder

    /// - Parameters:
    ///   - directory: Where the recipes lie.
    ///   - settings: How the bytes of the image are handled.
    ///   - mirror: Where packages come from, if not from where the distribution says.
    init(directory: String, settings: ConfinementSettings, mirror: PackageMirror?) {
        self.directory = directory
        mountPoint = settings.mountPoint
        builder = TemplateBuilder(archives: ArchiveProcess(settings), mirror: mirror)
    }

    func templates() async throws -> [Image.Template] {
        try await all().values.sorted { $0.name < $1.name }.map {
            Image.Template(name: $0.name, description: $0.properties["description"] ?? "")
        }
    }

    func build(recipe name: String, into path: String, progress: @escaping @Sendable (String) -> Void) async throws {
        let recipes = try await all()
        guard let recipe = recipes[name] else {
            let names = recipes.keys.sorted().joined(separator: ", ")
            throw APIError.notFound("There is no recipe \"\(name)\" in \(directory); there are: \(names)")
        }
        let mountPoint = mountPoint
        try await blocking { try makeDirectories(mountPoint) }
        _ = try await builder.build(recipe, to: path) { step in
            progress("\(step.stage) (\(step.elapsed.components.seconds) s)")
        }
    }

    private func all() async throws -> [String: ImageRecipe] {
        let directory = directory
        return try await blocking { try ImageRecipe.all(in: directory) }
    }
}
