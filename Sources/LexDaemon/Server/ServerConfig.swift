import LexAPI
import LexStore

/// The configuration of the server itself, as its keys declare it.
struct ServerConfig: Sendable {
    private let records: Records<ServerRecord>
    private let events: Events
    private let locks = Locks()

    init(records: Records<ServerRecord>, events: Events) {
        self.records = records
        self.events = events
    }

    /// What is set.
    func values() async throws -> [String: String] { try await records.find("config")?.value.config ?? [:] }

    /// The value of a key, or its default.
    func value<Value>(_ path: KeyPath<ServerKeys, ConfigKey<Value>>) async throws -> Value? {
        try Config<ServerKeys>(try await values())[path]
    }

    /// Changes it. Whatever is wrong with the wish is said before anything is changed.
    ///
    /// - Parameters:
    ///   - isPatch: Whether keys that are not named stay.
    ///   - check: Throws when the present configuration is not the one the change was made for.
    func update(
        _ wanted: [String: String], isPatch: Bool, check: ([String: String]) throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        try await locks.with("config") {
            let stored = try await records.find("config")
            let old = stored?.value.config ?? [:]
            try check(old)
            let new = try Self.checked(isPatch ? Merge.config(old, wanted) : Merge.replacement(wanted))
            guard new != old else { return }
            if var stored {
                stored.value.config = new
                try await records.update(stored)
            } else {
                try await records.create("config", ServerRecord(config: new))
            }
        }
        events.lifecycle("config-updated", source: "/1.0", requestor: requestor)
    }

    /// What is kept of a wish: without what is as it would be anyway. Throws a 400 for what is not possible.
    static func checked(_ wanted: [String: String]) throws(APIError) -> [String: String] {
        var kept: [String: String] = [:]
        for (name, value) in wanted.sorted(by: { $0.key < $1.key }) {
            try Config<ServerKeys>.validate(name, value) { "Cannot set '\($0)': Unknown key" }
            guard let key = Config<ServerKeys>.key(named: name) else {
                kept[name] = value
                continue
            }
            if key.isDefault(value) { continue }
            if let lacking = key.lacking {
                throw .badRequest("Cannot set '\(name)' to '\(clippedValue(value))': it needs \(lacking)")
            }
            kept[name] = value
        }
        return kept
    }

    private static func clippedValue(_ value: String) -> String {
        value.unicodeScalars.count <= 64 ? value : String(value.unicodeScalars.prefix(61)) + "…"
    }
}
