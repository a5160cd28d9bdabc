import LexAPI
import LexStore
import Testing

@testable import LexDaemon

@Suite(.timeLimit(.minutes(1))) struct ProjectTests {
    private func made(_ wishes: Project.Creation...) async throws -> (Projects, ProjectContents) {
        let store = MemoryStore()
        let contents = ProjectContents(store)
        let projects = Projects(records: Records(store), contents: contents, events: Events())
        try await projects.start()
        for wish in wishes { try await projects.create(wish, requestor: nil) }
        return (projects, contents)
    }

    private func instance(_ name: String, in project: String) -> InstanceRecord {
        InstanceRecord(
            project: project, name: name, architecture: "x86_64", description: "", ephemeral: false, profiles: [],
            config: [:], devices: [:], createdAt: .now, lastUsedAt: .epoch, pool: "p")
    }

    @Test func aProjectHasWhatItsFeaturesSay() async throws {
        let (projects, contents) = try await made(
            .init(name: "own"), .init(name: "shared", config: ["features.images": "false", "features.profiles": "no"]))
        #expect(try await projects.get("own").config["features.images"] == "true")
        #expect(try await projects.get("own").config["features.networks"] == nil)
        #expect(try await projects.holder(of: .images, for: "own") == "own")
        #expect(try await projects.holder(of: .networks, for: "own") == "default")
        #expect(try await projects.holder(of: .images, for: "shared") == "default")
        #expect(try await projects.holder(of: .volumes, for: "shared") == "shared")
        #expect(try await projects.users(of: .profiles, in: "default") == ["default", "shared"])
        #expect(try await projects.users(of: .profiles, in: "own") == ["own"])
        #expect(try await contents.profiles.list().map(\.name) == ["own/default"])
        await #expect(throws: APIError.notFound("Project not found")) {
            try await projects.holder(of: .images, for: "gone")
        }
    }

    @Test(arguments: ["", "a/b", "a b", "a_b", "..", ".", "*", "-a", "ä", "a'b", String(repeating: "a", count: 64)])
    func aNameThatIsNoneIsRefused(_ name: String) async throws {
        let (projects, _) = try await made()
        let error = await #expect(throws: APIError.self) {
            try await projects.create(.init(name: name), requestor: nil)
        }
        #expect(error?.status == 400)
        #expect(try await projects.list().count == 1)
    }

    @Test(arguments: [
        ["features.images": "perhaps"], ["limits.cpu": "2"], ["restricted": "true"], ["nonsense": "1"],
        ["features.nonsense": "true"],
    ])
    func aKeyThatIsNotServedIsRefused(_ config: [String: String]) async throws {
        let (projects, contents) = try await made()
        let error = await #expect(throws: APIError.self) {
            try await projects.create(.init(name: "p", config: config), requestor: nil)
        }
        #expect(error?.status == 400)
        #expect(try await contents.profiles.list().isEmpty)
    }

    @Test func theDefaultProfileTellsTheNewName() async throws {
        let (projects, contents) = try await made(.init(name: "p"))
        func description(in project: String) async throws -> String? {
            try await contents.profiles.find("default", in: project)?.value.description
        }
        #expect(try await description(in: "p") == "Default lexd profile for project p")
        try await projects.rename("p", to: "q", requestor: nil)
        #expect(try await description(in: "q") == "Default lexd profile for project q")
        #expect(try await description(in: "p") == nil)
        // What a person has written stays.
        var profile = try #require(try await contents.profiles.find("default", in: "q"))
        profile.value.description = "mine"
        try await contents.profiles.update(profile)
        try await projects.rename("q", to: "r", requestor: nil)
        #expect(try await description(in: "r") == "mine")
    }

    @Test func oneInUseStaysAsItIs() async throws {
        let (projects, contents) = try await made(.init(name: "p"))
        try await contents.instances.create("p/web", instance("web", in: "p"))
        #expect(
            try await projects.get("p").usedBy == ["/1.0/instances/web?project=p", "/1.0/profiles/default?project=p"])
        let refusals: [() async throws -> Void] = [
            { try await projects.delete("p", requestor: nil) },
            { try await projects.rename("p", to: "q", requestor: nil) },
            {
                try await projects.update(
                    "p", .init(description: nil, config: ["features.images": "false"]), isPatch: true,
                    check: { _ in }, requestor: nil)
            },
        ]
        for refusal in refusals {
            let error = await #expect(throws: APIError.self) { try await refusal() }
            #expect(error?.status == 400)
        }
        try await projects.update(
            "p", .init(description: "d", config: ["user.a": "1"]), isPatch: true, check: { _ in }, requestor: nil)
        #expect(try await projects.get("p").description == "d")
        #expect(try await projects.state("p").resources["instances"] == .init(limit: -1, usage: 1))
    }

    @Test func anEmptyOneCanBeRenamedChangedAndDeleted() async throws {
        let (projects, contents) = try await made(.init(name: "p", description: "d"))
        try await projects.rename("p", to: "q", requestor: nil)
        #expect(try await projects.list().map(\.name) == ["default", "q"])
        #expect(try await contents.profiles.list().map(\.name) == ["q/default"])
        try await projects.update(
            "q", .init(description: nil, config: ["features.profiles": "false"]), isPatch: true, check: { _ in },
            requestor: nil)
        #expect(try await contents.profiles.list().isEmpty)
        try await projects.update(
            "q", .init(description: "", config: ["features.profiles": "true"]), isPatch: false, check: { _ in },
            requestor: nil)
        #expect(try await contents.profiles.list().map(\.name) == ["q/default"])
        #expect(try await projects.get("q").config == ["features.profiles": "true"])
        try await projects.delete("q", requestor: nil)
        #expect(try await contents.profiles.list().isEmpty)
        #expect(try await projects.list().map(\.name) == ["default"])
    }

    @Test func theDefaultProjectStays() async throws {
        let (projects, _) = try await made()
        await #expect(throws: APIError.forbidden("The 'default' project cannot be deleted")) {
            try await projects.delete("default", requestor: nil)
        }
        await #expect(throws: APIError.forbidden("The 'default' project cannot be renamed")) {
            try await projects.rename("default", to: "x", requestor: nil)
        }
        await #expect(throws: APIError.badRequest("You can't change the features of the default project")) {
            try await projects.update(
                "default", .init(description: nil, config: ["features.images": "false"]), isPatch: true,
                check: { _ in }, requestor: nil)
        }
    }

    /// What a lexd without projects wrote: as many entries as take several commits, names with slashes among them.
    @Test func aStoreFromBeforeProjectsIsReadAsTheDefaultProjects() async throws {
        let store = MemoryStore()
        let profile = ProfileRecord(description: "old", config: ["user.a": "1"], devices: [:])
        let bytes = Array(try JSONCoding.encode(profile))
        let names = (0..<230).map { "p\($0)" } + ["default"]
        for name in names { _ = try await store.commit([.put("/profiles/\(name)", bytes)], ifUnchanged: []) }
        let alias = Array(try JSONCoding.encode(AliasRecord(target: "f", description: "")))
        _ = try await store.commit(
            [.put("/image-aliases/debian/12", alias), .put("/image-aliases/default/x", alias)], ifUnchanged: [])

        let records = Records<ProfileRecord>(store)
        #expect(Set(try await records.list(in: "default").map(\.owned.name)) == Set(names))
        #expect(try await records.find("p7", in: "default")?.value == profile)
        let aliases = try await Records<AliasRecord>(store).list(in: "default").map(\.owned.name)
        #expect(aliases == ["debian/12", "default/x"])
        // For good, and once.
        #expect(await store.read(.prefix("/profiles/")).entries.isEmpty)
        #expect(await store.read(.prefix("/image-aliases/")).entries.isEmpty)
        #expect(try await Records<ProfileRecord>(store).list().count == names.count)
        #expect(try await Records<AliasRecord>(store).list().map(\.name) == ["default/debian/12", "default/default/x"])
    }
}
