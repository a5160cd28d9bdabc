import LexAPI
import LexStore

extension Images {
    func aliasEntries(project: String) async throws -> [Image.AliasEntry] {
        try await aliases.list(in: projects.holder(of: .images, for: project)).map {
            Image.AliasEntry(name: $0.owned.name, target: $0.value.target, description: $0.value.description)
        }
    }

    func alias(_ name: String, project: String) async throws -> Image.AliasEntry {
        let stored = try await findAlias(name, project)
        return Image.AliasEntry(name: name, target: stored.value.target, description: stored.value.description)
    }

    private func findAlias(_ name: String, _ project: String) async throws -> Stored<AliasRecord> {
        guard let stored = try await aliases.find(name, in: projects.holder(of: .images, for: project)) else {
            throw APIError.notFound("Image alias not found")
        }
        return stored
    }

    func createAlias(_ entry: Image.AliasEntry, project: String, requestor: Event.Requestor?) async throws {
        try Self.checkName(entry.name)
        let target = try await find(entry.target, project: project).value.fingerprint
        let holder = try await projects.holding(.images, for: project) { holder in
            do {
                try await aliases.create(
                    ProjectKey(holder, entry.name).text, AliasRecord(target: target, description: entry.description))
            } catch CommitError.conflict {
                throw APIError.conflict("Alias \"\(entry.name)\" already exists")
            }
            return holder
        }
        events.lifecycle(
            "image-alias-created", source: "/1.0/images/aliases/\(entry.name)", requestor: requestor, project: holder)
    }

    /// Changes an alias; what is not said stays.
    func updateAlias(
        _ name: String, _ change: Image.AliasUpdate, isPatch: Bool, project: String,
        check: (Image.AliasUpdate) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        var stored = try await findAlias(name, project)
        try check(Image.AliasUpdate(description: stored.value.description, target: stored.value.target))
        if let target = change.target {
            stored.value.target = try await find(target, project: project).value.fingerprint
        } else if !isPatch {
            throw APIError.badRequest("The target of an alias is required")
        }
        if let description = change.description { stored.value.description = description }
        try await aliases.update(stored)
        events.lifecycle(
            "image-alias-updated", source: "/1.0/images/aliases/\(name)", requestor: requestor,
            project: stored.owned.project)
    }

    func renameAlias(_ name: String, to new: String, project: String, requestor: Event.Requestor?) async throws {
        try Self.checkName(new)
        let stored = try await findAlias(name, project)
        let key = ProjectKey(stored.owned.project, new)
        guard try await aliases.find(key.text) == nil else {
            throw APIError.conflict("Alias \"\(new)\" already exists")
        }
        try await aliases.rename(stored, to: key.text)
        events.lifecycle(
            "image-alias-renamed", source: "/1.0/images/aliases/\(new)", context: ["old_name": .string(name)],
            requestor: requestor, project: key.project)
    }

    func deleteAlias(_ name: String, project: String, requestor: Event.Requestor?) async throws {
        let stored = try await findAlias(name, project)
        try await aliases.delete(stored)
        events.lifecycle(
            "image-alias-deleted", source: "/1.0/images/aliases/\(name)", requestor: requestor,
            project: stored.owned.project)
    }

    // An alias may have slashes, `debian/12`: it is never a file name.
    static func checkName(_ name: String) throws(APIError) {
        guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 32 && $0 != 127 }),
            !name.contains(":")
        else {
            throw .badRequest(
                "Invalid image alias: use 1 to 255 characters without spaces, control characters and colons")
        }
    }
}
