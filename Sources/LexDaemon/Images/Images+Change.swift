import LexAPI
import LexHost
import LexStore

extension Images {
    /// Replaces or, with `isPatch`, changes what can be changed of an image.
    func update(
        _ prefix: String, _ change: Image.Update, isPatch: Bool, project: String,
        check: (Image.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        var stored = try await find(prefix, project: project)
        try check(writable(stored.value))
        if let profiles = change.profiles {
            try await self.check(profiles: profiles, project: project)
            stored.value.profiles = profiles
        } else if !isPatch {
            stored.value.profiles = nil
        }
        if isPatch {
            stored.value.properties = Merge.config(stored.value.properties, change.properties)
        } else {
            stored.value.properties = Merge.replacement(change.properties)
        }
        try Self.check(properties: stored.value.properties)
        if change.autoUpdate != nil || !isPatch { stored.value.autoUpdate = change.autoUpdate == true ? true : nil }
        if change.public != nil || !isPatch { stored.value.isPublic = change.public ?? false }
        // As LXD has it: Go's zero time means that nothing was said, the epoch that it never expires.
        if let expiresAt = change.expiresAt, expiresAt != .never { stored.value.expiresAt = expiresAt }
        try await records.update(stored)
        events.lifecycle(
            "image-updated", source: "/1.0/images/\(stored.value.fingerprint)", requestor: requestor,
            project: stored.owned.project)
    }

    /// What of an image can be changed: what its ETag stands for.
    func writable(_ record: ImageRecord) -> Image.Update {
        Image.Update(
            autoUpdate: record.autoUpdate ?? false, properties: record.properties, public: record.isPublic,
            expiresAt: record.expiresAt, profiles: record.profileNames)
    }

    /// Makes an image of another project one of this project too; its files and layers are the same.
    func copy(
        _ source: Image.Source, _ description: Description, project: String, requestor: Event.Requestor?
    ) async throws -> ImageRecord {
        let origin = source.project.isEmpty ? Project.defaultName : source.project
        let found = try await findSource(source, project: origin)
        return try await locks.with(found.value.fingerprint) {
            // Again: it may have gone while we waited.
            let stored = try await find(found.value.fingerprint, project: origin)
            let holder = try await projects.holder(of: .images, for: project)
            guard holder != stored.owned.project else {
                throw APIError.badRequest(
                    "The image is in the project \"\(holder)\" already. To give it another name: lx image alias create")
            }
            guard try await records.find(stored.value.fingerprint, in: holder) == nil else {
                throw APIError.conflict("Image with same fingerprint already exists")
            }
            try await check(description, project: project)
            var record = stored.value
            record.properties.merge(description.properties) { $1 }
            try Self.check(properties: record.properties)
            record.isPublic = description.isPublic
            record.autoUpdate = description.autoUpdate ? true : nil
            record.profiles = description.profiles
            if let expiresAt = description.expiresAt { record.expiresAt = expiresAt }
            record.isCached = false
            record.uploadedAt = .now
            record.lastUsedAt = .never
            let complete = record
            return try await withRollback(logger) { rollback in
                try await save(
                    complete, description.aliases, project: project, rollback: rollback, requestor: requestor)
                return complete
            }
        }
    }

    private func findSource(_ source: Image.Source, project: String) async throws -> Stored<ImageRecord> {
        if !source.fingerprint.isEmpty { return try await find(source.fingerprint, project: project) }
        guard !source.alias.isEmpty else {
            throw APIError.badRequest("The source of the image has neither a fingerprint nor an alias")
        }
        return try await find(alias(source.alias, project: project).target, project: project)
    }

    /// Brings an image to what its source has now. One that was built from a recipe is built anew, and its names go
    /// over to the new one; nothing else has a source in this version.
    func refresh(
        _ fingerprint: String, project: String, progress: @escaping @Sendable (String) -> Void,
        requestor: Event.Requestor?
    ) async throws -> ImageRecord? {
        let old = try await find(fingerprint, project: project)
        guard let recipe = old.value.template else {
            throw APIError.notFound(
                "Failed to update image \"\(old.value.fingerprint)\" in project \"\(old.owned.project)\": Image source "
                    + "not found")
        }
        let names = try await get(old.value.fingerprint, project: project).aliases
        let new = try await template(
            recipe, rebuild: true, aliases: [], isCached: old.value.isCached, project: project, progress: progress,
            requestor: requestor)
        guard new.fingerprint != old.value.fingerprint else { return nil }
        var stored = try await find(new.fingerprint, project: project)
        stored.value.isPublic = old.value.isPublic
        stored.value.autoUpdate = old.value.autoUpdate
        stored.value.profiles = old.value.profiles
        try await records.update(stored)
        for name in names {
            try await updateAlias(
                name.name, Image.AliasUpdate(description: nil, target: new.fingerprint), isPatch: true,
                project: project, check: { _ in }, requestor: requestor)
        }
        try await delete(old.value.fingerprint, project: project, requestor: requestor)
        events.lifecycle(
            "image-refreshed", source: "/1.0/images/\(new.fingerprint)", requestor: requestor,
            project: stored.owned.project)
        return new
    }
}
