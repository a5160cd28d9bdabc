import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStore

/// The metadata and templates that images give and instances have: each kept once, under the hash of what it says.
struct MetadataStore: Sendable {
    let records: Records<InstanceMetadataRecord>

    /// Keeps one, and answers the name it has.
    func keep(_ record: InstanceMetadataRecord) async throws -> String {
        try Self.check(record)
        let name = try ETag.of(record)
        guard try await records.find(name) == nil else { return name }
        do { try await records.create(name, record) } catch CommitError.conflict {
            // Another one has just kept the same.
        }
        return name
    }

    /// Throws a 400 unless an instance can have these.
    private static func check(_ record: InstanceMetadataRecord) throws {
        // As for an image: an instance made without one has none.
        let architecture = record.metadata.architecture
        guard architecture.isEmpty || Architecture.name(of: architecture) != nil else {
            throw APIError.badRequest("The metadata has the unknown architecture \(MetadataRules.quoted(architecture))")
        }
        if let wrong = MetadataRules.mistake(in: record.metadata.templates) {
            throw APIError.badRequest("The metadata \(wrong)")
        }
        for (name, value) in record.metadata.properties where name.utf8.contains(0) || value.utf8.contains(0) {
            throw APIError.badRequest("The metadata has a NUL byte in its property \(MetadataRules.quoted(name))")
        }
        guard try JSONCoding.encode(record.metadata).count <= MetadataRules.largestMetadata else {
            throw APIError.badRequest("The metadata has more than \(MetadataRules.largestMetadata) bytes")
        }
        guard record.templates.values.reduce(0, { $0 + $1.count }) <= MetadataRules.largestTemplates,
            record.templates.count <= MetadataRules.mostTemplates
        else {
            throw APIError.badRequest(
                "The templates have more than \(MetadataRules.largestTemplates) bytes in all, or there are more than \(MetadataRules.mostTemplates)"
            )
        }
    }

    /// What is kept under a name; an empty one for an instance that has none.
    func find(_ name: String?) async throws -> InstanceMetadataRecord {
        guard let name else { return InstanceMetadataRecord() }
        guard let found = try await records.find(name) else {
            throw APIError.failed("The metadata \(name.prefix(12)) of the instance is missing in the store")
        }
        return found.value
    }

    /// Removes what nobody has any more. Nothing may be made or changed meanwhile.
    func removeUnused(except used: Set<String>) async throws {
        for stored in try await records.list() where !used.contains(stored.name) { try await records.delete(stored) }
    }

    /// The templates of an unpacked image, by their names: the files right in `templates/`. Of more than an instance can
    /// have it reads only so much that it is seen to be too much.
    static func templates(in directory: String) throws -> [String: Data] {
        let path = directory + "/templates"
        var templates: [String: Data] = [:]
        var left = MetadataRules.largestTemplates
        guard access(path, F_OK) == 0 else { return [:] }
        for name in try directoryNames(path) where MetadataRules.isFileName(name) {
            let file = try OwnedDescriptor.open("\(path)/\(name)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            var status = stat()
            try checked("look at", name) { fstat(file.number, &status) }
            guard status.st_mode & S_IFMT == S_IFREG else { continue }
            guard Int64(status.st_size) <= Int64(left), templates.count < MetadataRules.mostTemplates else {
                throw APIError.badRequest(
                    "The templates of the image have more than \(MetadataRules.largestTemplates) bytes in all, or there "
                        + "are more than \(MetadataRules.mostTemplates)")
            }
            let bytes = try file.readAll(limit: left, of: name)
            left -= bytes.count
            templates[name] = Data(bytes)
        }
        return templates
    }
}
