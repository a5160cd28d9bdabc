import LexAPI
import LexStore

/// What the daemon does with projects.
///
/// A project has instances of its own, always; images, profiles, networks and custom volumes of its own where its
/// features say so, and else those of the project `default`. ``holder(of:for:)`` answers which it is, and nothing else
/// decides that.
final class Projects: Sendable {
    let records: Records<ProjectRecord>
    private let contents: ProjectContents
    private let events: Events
    /// Held for a project while something is made in it, and while it is changed, renamed or deleted.
    private let locks = Locks()

    init(records: Records<ProjectRecord>, contents: ProjectContents, events: Events) {
        self.records = records
        self.contents = contents
        self.events = events
    }

    /// A kind of thing that a project has for itself, or shares with the project `default`.
    enum Feature: String, Sendable, CaseIterable {
        case images = "features.images"
        case networks = "features.networks"
        case profiles = "features.profiles"
        case volumes = "features.storage.volumes"

        /// Whether a new project has it without a word about it.
        fileprivate var isOnByDefault: Bool { self != .networks }
    }

    // MARK: which project

    /// The project a request is about; a 404 when it names one there is not, so that it does not meet things of another.
    func asked(_ path: String, query: [String: String]) async throws -> String {
        guard let name = query["project"], !name.isEmpty, name != Project.defaultName else {
            return Project.defaultName
        }
        if Self.needsProject(path), try await records.find(name) == nil { throw APIError.notFound("Project not found") }
        return name
    }

    /// Whether what lies there belongs to projects. The rest belongs to the server, whatever project a client works in:
    /// one that was deleted must not keep its users from choosing another.
    private static func needsProject(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        guard parts.count > 1, parts[0] == "1.0" else { return false }
        switch parts[1] {
        case "projects", "operations", "certificates", "cluster", "resources", "metrics", "metadata", "warnings":
            return false
        case "storage-pools": return parts.count > 3 && parts[3] != "resources"
        default: return true
        }
    }

    /// The project that holds the things of a kind that a project uses: itself, or `default`.
    func holder(of feature: Feature, for project: String) async throws -> String {
        guard project != Project.defaultName else { return project }
        return try await find(project).value.has(feature) ? project : Project.defaultName
    }

    /// The projects that use the things of a kind that lie in `holder`.
    func users(of feature: Feature, in holder: String) async throws -> Set<String> {
        guard holder == Project.defaultName else { return [holder] }
        return Set(try await records.list().filter { $0.name == holder || !$0.value.has(feature) }.map(\.name))
    }

    /// Keeps a project from being deleted and from changing its features while `body` makes something in it; gives it
    /// the holder of that kind, for instances (nil) the project itself.
    func holding<Result: Sendable>(
        _ feature: Feature?, for project: String, _ body: (_ holder: String) async throws -> Result
    ) async throws -> Result {
        // That one neither goes nor changes.
        if project == Project.defaultName { return try await body(project) }
        return try await locks.with(project) {
            let holder =
                if let feature { try await holder(of: feature, for: project) } else { try await find(project).name }
            return try await body(holder)
        }
    }

    // MARK: looking

    /// Makes the project `default`, unless it is there.
    func start() async throws {
        guard try await records.find(Project.defaultName) == nil else { return }
        try await records.create(
            Project.defaultName,
            ProjectRecord(
                description: "Default lexd project",
                config: Dictionary(uniqueKeysWithValues: Feature.allCases.map { ($0.rawValue, "true") })))
    }

    private func find(_ name: String, _ absent: String = "Project not found") async throws -> Stored<ProjectRecord> {
        guard let stored = try await records.find(name) else { throw APIError.notFound(absent) }
        return stored
    }

    func list() async throws -> [Project] {
        var result: [Project] = []
        for stored in try await records.list() { result.append(try await view(stored)) }
        return result
    }

    func get(_ name: String) async throws -> Project { try await view(find(name)) }

    private func view(_ stored: Stored<ProjectRecord>) async throws -> Project {
        Project(
            name: stored.name, description: stored.value.description, config: stored.value.config,
            usedBy: try await contents.urls(in: stored.name))
    }

    /// What a project uses. Nothing is limited in this version.
    func state(_ name: String) async throws -> Project.State {
        let holder = try await holder(of: .profiles, for: find(name).name)
        let usage = try await contents.usage(of: name, profilesOf: holder)
        return Project.State(resources: usage.mapValues { Project.Resource(limit: -1, usage: $0) })
    }

    // MARK: changing

    func create(_ wish: Project.Creation, requestor: Event.Requestor?) async throws {
        try ObjectName.validateProject(wish.name)
        var config = Merge.replacement(wish.config)
        for feature in Feature.allCases where feature.isOnByDefault && config[feature.rawValue] == nil {
            config[feature.rawValue] = "true"
        }
        try Self.validate(config)
        let record = ProjectRecord(description: wish.description, config: config)
        try await locks.with(wish.name) {
            guard try await records.find(wish.name) == nil else {
                throw APIError.conflict("Project \"\(wish.name)\" already exists")
            }
            // First: a project whose features say so has one, also after a crash between the two.
            if record.has(.profiles) { try await createDefaultProfile(wish.name) }
            try await records.create(wish.name, record)
        }
        events.lifecycle(
            "project-created", source: "/1.0/projects/\(wish.name)", requestor: requestor, project: wish.name,
            isOfServer: true)
    }

    /// Replaces or, with `isPatch`, changes a project.
    func update(
        _ name: String, _ change: Project.Update, isPatch: Bool, check: (Project.Update) throws -> Void,
        requestor: Event.Requestor?
    ) async throws {
        try await locks.with(name) {
            var stored = try await find(name)
            let old = stored.value
            try check(Self.writable(old))
            stored.value.config =
                isPatch ? Merge.config(old.config, change.config) : Merge.replacement(change.config)
            stored.value.description = change.description ?? (isPatch ? old.description : "")
            try Self.validate(stored.value.config)
            let changed = Feature.allCases.filter { old.config[$0.rawValue] != stored.value.config[$0.rawValue] }
            if let feature = changed.first {
                guard name != Project.defaultName else {
                    throw APIError.badRequest("You can't change the features of the default project")
                }
                guard try await contents.isEmpty(name) else {
                    let change = old.has(feature) ? "disabled" : "enabled"
                    throw APIError.badRequest(
                        "Project feature \"\(feature.rawValue)\" cannot be \(change) on non-empty projects")
                }
            }
            let (had, has) = (old.has(.profiles), stored.value.has(.profiles))
            if has, !had { try await createDefaultProfile(name) }
            try await records.update(stored)
            if had, !has { try await deleteDefaultProfile(name) }
        }
        events.lifecycle(
            "project-updated", source: "/1.0/projects/\(name)", requestor: requestor, project: name, isOfServer: true)
    }

    /// Throws unless a project can get that other name, for what is to be said before the operation begins.
    func checkRename(_ name: String, to new: String) async throws {
        guard name != Project.defaultName else {
            throw APIError.forbidden("The 'default' project cannot be renamed")
        }
        _ = try await find(name)
        try ObjectName.validateProject(new)
        guard try await records.find(new) == nil else {
            throw APIError.conflict("A project named \"\(new)\" already exists")
        }
        guard try await contents.isEmpty(name) else { throw APIError.badRequest("Only empty projects can be renamed") }
    }

    func rename(_ name: String, to new: String, requestor: Event.Requestor?) async throws {
        // In order, so that two that swap names do not wait for each other.
        let (first, second) = name < new ? (name, new) : (new, name)
        try await locks.with(first) {
            try await locks.with(second) {
                try await checkRename(name, to: new)
                let stored = try await find(name)
                if var profile = try await contents.profiles.find(Project.defaultName, in: name)?.value {
                    if profile.description == Self.defaultProfileDescription(name) {
                        profile.description = Self.defaultProfileDescription(new)
                    }
                    try await createDefaultProfile(new, profile)
                }
                try await records.rename(stored, to: new)
                try await deleteDefaultProfile(name)
            }
        }
        events.lifecycle(
            "project-renamed", source: "/1.0/projects/\(new)", context: ["old_name": .string(name)],
            requestor: requestor, project: new, isOfServer: true)
    }

    func delete(_ name: String, requestor: Event.Requestor?) async throws {
        guard name != Project.defaultName else {
            throw APIError.forbidden("The 'default' project cannot be deleted")
        }
        try await locks.with(name) {
            let stored = try await find(name, "Fetch project \"\(name)\": Project not found")
            guard try await contents.isEmpty(name) else {
                throw APIError.badRequest("Only empty projects can be removed")
            }
            try await records.delete(stored)
            try await deleteDefaultProfile(name)
        }
        events.lifecycle(
            "project-deleted", source: "/1.0/projects/\(name)", requestor: requestor, project: name, isOfServer: true)
    }

    /// Makes a project's profile `default`; one that a crash left of a project of that name is not its own.
    private func createDefaultProfile(_ project: String, _ record: ProfileRecord? = nil) async throws {
        try await deleteDefaultProfile(project)
        try await contents.profiles.create(
            ProjectKey(project, Project.defaultName).text,
            record
                ?? ProfileRecord(description: Self.defaultProfileDescription(project), config: [:], devices: [:]))
    }

    private static func defaultProfileDescription(_ project: String) -> String {
        "Default lexd profile for project \(project)"
    }

    private func deleteDefaultProfile(_ project: String) async throws {
        guard let profile = try await contents.profiles.find(Project.defaultName, in: project) else { return }
        try await contents.profiles.delete(profile)
    }

    /// What the ETag is made of.
    static func writable(_ record: ProjectRecord) -> Project.Update {
        Project.Update(description: record.description, config: record.config)
    }

    private static func validate(_ config: [String: String]) throws(APIError) {
        try Config<ProjectKeys>(config).validate {
            ProjectKeys.refusal(of: $0) ?? "Invalid project configuration key \"\($0)\""
        }
    }

    // MARK: addresses

    /// The address of a thing of a project, as `used_by` and events name it.
    static func url(_ path: String, project: String) -> String {
        project == Project.defaultName ? path : "\(path)?project=\(project)"
    }
}

extension ProjectRecord {
    /// Whether the project has things of a kind for itself.
    func has(_ feature: Projects.Feature) -> Bool { Bool(configText: config[feature.rawValue] ?? "") ?? false }
}
