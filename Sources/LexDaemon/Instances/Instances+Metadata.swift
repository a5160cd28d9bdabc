import FoundationEssentials
import LexAPI
import LexStorage
import LexStore
import Logging

extension Instances {
    /// The metadata and templates of an instance.
    func metadata(of record: InstanceRecord) async throws -> InstanceMetadataRecord {
        try await images.metadata.find(record.metadata)
    }

    /// Changes the metadata or the templates of an instance; they are written at its next start.
    func changeMetadata(
        of key: String, _ change: (inout InstanceMetadataRecord) throws -> Void
    ) async throws {
        try await locks.with(key) {
            guard var stored = try await records.find(key) else { throw APIError.notFound("Instance not found") }
            var metadata = try await metadata(of: stored.value)
            try change(&metadata)
            let name = try await images.metadata.keep(metadata)
            guard name != stored.value.metadata else { return }
            stored.value.metadata = name
            // What needs space comes before the record: on a full disk that could not be taken back.
            try await prepareBackup(stored.value)
            stored = try await records.update(stored)
            try await pools.driver(of: stored.value.pool).finishBackup(of: try Self.volume(stored.value))
        }
    }

    /// Writes a template; one of that name is replaced.
    func putTemplate(_ name: String, _ content: Data, of key: String) async throws {
        guard MetadataRules.isFileName(name) else { throw Self.noFileName }
        try await changeMetadata(of: key) { $0.templates[name] = content }
    }

    /// Removes a template. What the metadata says of it stays, as in LXD.
    func deleteTemplate(_ name: String, of key: String) async throws {
        guard MetadataRules.isFileName(name) else { throw Self.noFileName }
        try await changeMetadata(of: key) { metadata in
            guard metadata.templates.removeValue(forKey: name) != nil else { throw Self.noTemplate(name) }
        }
    }

    static let noFileName = APIError.badRequest("Invalid template filename")
    static func noTemplate(_ name: String) -> APIError { .notFound("Template \"\(name)\" not found") }

    /// Forgets metadata that neither an image nor an instance nor a snapshot of one has.
    func removeUnusedMetadata() async throws {
        var used = Set(try await images.records.list().compactMap(\.value.metadata))
        for stored in try await records.list() {
            for name in [stored.value.metadata] + stored.value.snapshots.map(\.contents.metadata) {
                if let name { used.insert(name) }
            }
        }
        try await images.metadata.removeUnused(except: used)
    }
}
