import LexAPI
import LexStore
import Logging

/// What the daemon does with warnings: remembers what is wrong, each thing once, until its cause is gone.
///
/// Who meets something wrong calls ``record(_:_:entity:project:)``, and ``resolve(_:entity:project:)`` when it is right
/// again; who always knows all of a kind calls ``set(_:_:)``. None of them throws: a warning that cannot be kept is in
/// the log.
struct Warnings: Sendable {
    let records: Records<WarningRecord>
    let events: Events
    let logger: Logger
    private let locks = Locks()

    /// How many are kept: more would be a fault that makes them.
    private let most: Int

    init(records: Records<WarningRecord>, events: Events, logger: Logger, most: Int = 1000) {
        self.most = most
        self.records = records
        self.events = events
        self.logger = logger
    }

    /// How long one that is resolved is still shown, in seconds.
    private static let resolvedLifetime: Int64 = 86400

    // MARK: for the services

    /// Notes that something is wrong. What is known already is counted; what was resolved is new again.
    ///
    /// - Parameter entity: The URL of what it is about; empty for the server.
    func record(_ kind: Warning.Kind, _ message: String, entity: String = "", project: String = "") async {
        await attempt(kind) {
            try await locks.with("") { try await put(kind, message, entity: entity, project: project) }
        }
    }

    /// Notes that something is right again.
    func resolve(_ kind: Warning.Kind, entity: String = "", project: String = "") async {
        await attempt(kind) {
            try await locks.with("") {
                for stored in try await records.list()
                where stored.value.isAbout(kind, entity, project) && stored.value.status != .resolved {
                    try await settle(stored)
                }
            }
        }
    }

    /// Notes all that is wrong of a kind, by the URL of what it is about; what is not among it is right again.
    func set(_ kind: Warning.Kind, _ messages: [String: String]) async {
        await attempt(kind) {
            try await locks.with("") {
                for stored in try await records.list()
                where stored.value.kind == kind.rawValue && stored.value.status != .resolved
                    && messages[stored.value.entity] == nil
                {
                    try await settle(stored)
                }
                for (entity, message) in messages.sorted(by: { $0.key < $1.key }) {
                    try await put(kind, message, entity: entity, project: "")
                }
            }
        }
    }

    /// Forgets what is said of something that is no more.
    func forget(entity: String) async {
        await attempt(.orphan) {
            try await locks.with("") {
                for stored in try await records.list() where stored.value.entity == entity {
                    try await records.delete(stored)
                }
            }
        }
    }

    private func attempt(_ kind: Warning.Kind, _ body: () async throws -> Void) async {
        do { try await body() } catch {
            logger.error("cannot keep a warning", metadata: ["warning": "\(kind.rawValue)", "error": "\(error)"])
        }
    }

    private func put(_ kind: Warning.Kind, _ message: String, entity: String, project: String) async throws {
        let all = try await records.list()
        if var known = all.first(where: { $0.value.isAbout(kind, entity, project) }) {
            known.value.count = known.value.count < .max ? known.value.count + 1 : known.value.count
            known.value.lastSeenAt = .now
            known.value.message = message
            if known.value.status == .resolved { known.value.status = .new }
            try await records.update(known)
            return
        }
        try await makeRoom(all)
        let now = Timestamp.now
        try await records.create(
            UUIDText.random(),
            WarningRecord(
                kind: kind.rawValue, project: project, entity: entity, status: .new, count: 1, firstSeenAt: now,
                lastSeenAt: now, message: message))
    }

    private func settle(_ stored: Stored<WarningRecord>) async throws {
        var stored = stored
        stored.value.status = .resolved
        stored.value.lastSeenAt = .now
        try await records.update(stored)
    }

    private func makeRoom(_ all: [Stored<WarningRecord>]) async throws {
        let oldest = all.sorted { $0.value.lastSeenAt < $1.value.lastSeenAt }
        let now = Timestamp.now.seconds
        for (index, stored) in oldest.enumerated() {
            let isOver =
                stored.value.status == .resolved && now - stored.value.lastSeenAt.seconds > Self.resolvedLifetime
            if isOver || all.count - index >= most { try await records.delete(stored) }
        }
    }

    // MARK: for people

    func list() async throws -> [Warning] { try await records.list().compactMap(Self.view) }

    func get(_ uuid: String) async throws -> Warning {
        guard let warning = Self.view(try await find(uuid)) else { throw Self.absent }
        return warning
    }

    private static let absent = APIError.notFound("Warning not found")

    private func find(_ uuid: String) async throws -> Stored<WarningRecord> {
        guard let stored = try await records.find(uuid) else { throw Self.absent }
        return stored
    }

    /// - Parameter check: Throws when the present state is not the one the change was made for.
    func update(
        _ uuid: String, _ update: Warning.Update, check: (Warning.Update) throws -> Void, requestor: Event.Requestor?
    ) async throws {
        guard let status = Warning.Status(rawValue: update.status) else {
            throw APIError.badRequest("Invalid warning type \"\(update.status)\"")
        }
        guard status != .resolved else {
            throw APIError.forbidden("Status may only be set to \"acknowledge\" or \"new\"")
        }
        try await locks.with("") {
            var stored = try await find(uuid)
            try check(Self.writable(stored.value))
            stored.value.status = status
            try await records.update(stored)
        }
        events.lifecycle(
            status == .acknowledged ? "warning-acknowledged" : "warning-reset", source: "/1.0/warnings/\(uuid)",
            requestor: requestor)
    }

    func delete(_ uuid: String, requestor: Event.Requestor?) async throws {
        try await locks.with("") { try await records.delete(try await find(uuid)) }
        events.lifecycle("warning-deleted", source: "/1.0/warnings/\(uuid)", requestor: requestor)
    }

    /// What the ETag is made of.
    static func writable(_ record: WarningRecord) -> Warning.Update { Warning.Update(status: record.status) }

    // One of a kind that a later version had made cannot be told.
    private static func view(_ stored: Stored<WarningRecord>) -> Warning? {
        guard let kind = Warning.Kind(rawValue: stored.value.kind) else { return nil }
        return Warning(
            status: stored.value.status, uuid: stored.name, project: stored.value.project, kind: kind,
            count: stored.value.count, firstSeenAt: stored.value.firstSeenAt, lastSeenAt: stored.value.lastSeenAt,
            lastMessage: stored.value.message, entityURL: stored.value.entity)
    }
}

extension WarningRecord {
    fileprivate func isAbout(_ kind: Warning.Kind, _ entity: String, _ project: String) -> Bool {
        self.kind == kind.rawValue && self.entity == entity && self.project == project
    }
}
