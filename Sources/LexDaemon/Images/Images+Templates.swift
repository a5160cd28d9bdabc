import Glibc
import LexAPI

extension Images {
    /// The image of a recipe: the one built before, or a new one.
    func template(
        _ name: String, rebuild: Bool, aliases wanted: [Image.Alias], isCached: Bool, project: String,
        progress: @escaping @Sendable (String) -> Void, requestor: Event.Requestor?
    ) async throws -> ImageRecord {
        try await locks.with("template \(name)") {
            let holder = try await projects.holder(of: .images, for: project)
            let built = try await records.list(in: holder).map(\.value).filter { $0.template == name }
                .max { $0.uploadedAt < $1.uploadedAt }
            var record = built
            if built == nil || rebuild {
                let path = ImageUpload.temporaryPath(in: directory)
                do {
                    try await builder.build(recipe: name, into: path, progress: progress)
                    progress("Unpacking the image")
                    record = try await add(
                        try await ImageUpload.adopt(path),
                        Description(
                            filename: name.split(separator: "/").joined(separator: "-") + ".tar.zst",
                            isCached: isCached, template: name),
                        project: project, progress: progress, requestor: requestor)
                } catch {
                    unlink(path)
                    throw error
                }
            }
            guard let record else { throw APIError.failed("cannot build the template \"\(name)\"") }
            for alias in wanted {
                try await createAlias(
                    Image.AliasEntry(name: alias.name, target: record.fingerprint, description: alias.description),
                    project: project, requestor: requestor)
            }
            return record
        }
    }

    func templates() async throws -> [Image.Template] { try await builder.templates() }
}
