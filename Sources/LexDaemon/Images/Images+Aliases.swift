import LexAPI
import LexStore

extension Images {
    func aliasEntries() async throws -> [Image.AliasEntry] {
        try await aliases.list().map {
            Image.AliasEntry(name: $0.name, target: $0.value.target, description: $0.value.description)
        }
    }

    func alias(_ name: String) async throws -> Image.AliasEntry {
        let stored = try await findAlias(name)
        return Image.AliasEntry(name: name, target: stored.value.target, description: stored.value.description)
    }

    private func findAlias(_ name: String) async throws -> Stored<AliasRecord> {
        guard let stored = try await aliases.find(name) else { throw APIError.notFound("Image alias not found") }
        return stored
    }

    func createAlias(_ entry: Image.AliasEntry, requestor: Event.Requestor?) async throws {
        try Self.checkName(entry.name)
        let target = try await find(entry.target).value.fingerprint
        do {
            try await aliases.create(entry.name, AliasRecord(target: target, description: entry.description))
        } catch CommitError.conflict {
            throw APIError.conflict("Alias \"\(entry.name)\" already exists")
        }
        events.lifecycle("image-alias-created", source: "/1.0/images/aliases/\(entry.name)", requestor: requestor)
    }

    /// Changes an alias; what is not said stays.
    func updateAlias(
        _ name: String, _ change: Image.AliasUpdate, isPatch: Bool, check: (Image.AliasUpdate) throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        var stored = try await findAlias(name)
        try check(Image.AliasUpdate(description: stored.value.description, target: stored.value.target))
        if let target = change.target {
            stored.value.target = try await find(target).value.fingerprint
        } else if !isPatch {
            throw APIError.badRequest("The target of an alias is required")
        }
        if let description = change.description { stored.value.description = description }
        try await aliases.update(stored)
        events.lifecycle("image-alias-updated", source: "/1.0/images/aliases/\(name)", requestor: requestor)
    }

    func renameAlias(_ name: String, to new: String, requestor: Event.Requestor?) async throws {
        try Self.checkName(new)
        let stored = try await findAlias(name)
        do {
            try await aliases.create(new, stored.value)
        } catch CommitError.conflict {
            throw APIError.conflict("Alias \"\(new)\" already exists")
        }
        try await aliases.delete(stored)
        events.lifecycle(
            "image-alias-renamed", source: "/1.0/images/aliases/\(new)", context: ["old_name": .string(name)],
            requestor: requestor)
    }

    func deleteAlias(_ name: String, requestor: Event.Requestor?) async throws {
        try await aliases.delete(try await findAlias(name))
        events.lifecycle("image-alias-deleted", source: "/1.0/images/aliases/\(name)", requestor: requestor)
    }

    // An alias may have slashes, `debian/12`: it is never a file name.
    private static func checkName(_ name: String) throws(APIError) {
        guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 32 && $0 != 127 }),
            !name.contains(":")
        else {
            throw .badRequest(
                "Invalid image alias: use 1 to 255 characters without spaces, control characters and colons")
        }
    }
}
