import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Projects, over both clients and down to the host.
    @Suite struct Projects {
        @Test(arguments: ClientProgram.allCases)
        func theCommandsOfProjects(_ name: ClientProgram) async throws {
            try await withDaemon(.withoutImage) { try await $0.useProjectCommands(name) }
        }

        /// Everything that is named after an instance on the host has the project's name before it.
        @Test(arguments: ClientProgram.allCases)
        func twoInstancesOfOneName(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.runTwins(name) }
        }

        @Test func whatAProjectSharesAndWhatNot() async throws {
            try await withDaemon { try await $0.shareAndNot() }
        }

        @Test func eventsAndOperationsAreTheirProjects() async throws {
            try await withDaemon { try await $0.listenInProjects() }
        }

        @Test func aNameIsOneOnANetwork() async throws {
            try await withDaemon { try await $0.refuseSecondName() }
        }
    }
}

extension DaemonFixture {
    fileprivate func useProjectCommands(_ name: ClientProgram) async throws {
        let program = program(name)
        #expect(try await program("project", "create", "web", "-c", "features.images=false") == "Project web created\n")
        let again = try await program.run("project", "create", "web")
        #expect(again.status == 1 && again.errors.contains("already"), "\(again)")
        #expect(try await program("project", "get", "web", "features.images") == "false\n")
        #expect(try await program("project", "get", "web", "features.profiles") == "true\n")
        #expect(try await program("project", "set", "web", "user.a=1", "user.b=2") == "")
        #expect(try await program("project", "unset", "web", "user.a") == "")
        #expect(try await program("project", "get", "web", "user.a") == "\n")
        #expect(try await program("project", "get", "web", "user.b") == "2\n")
        let list = try await program("project", "list", "-f", "csv")
        #expect(
            list == """
                default (current),YES,YES,YES,YES,Default lexd project,2
                web,NO,YES,YES,NO,,1

                """)
        let shown = try await program("project", "show", "web")
        #expect(shown.contains("name: web\n") && shown.contains("- /1.0/profiles/default?project=web"), "\(shown)")
        let info = try await program("project", "info", "web", "-f", "csv")
        #expect(info.contains("INSTANCES,UNLIMITED,0\n") && info.contains("MEMORY,UNLIMITED,0B\n"), "\(info)")

        for limit in ["limits.cpu=2", "restricted=true", "nonsense=1"] {
            let refused = try await program.run("project", "set", "web", limit)
            #expect(refused.status == 1, "\(refused)")
        }
        #expect(try await program("project", "rename", "web", "www") == "Project web renamed to www\n")
        let gone = try await program.run("project", "switch", "web")
        #expect(gone.status == 1 && gone.errors.contains("not found"), "\(gone)")
        try await program("project", "switch", "www")
        #expect(try await program("project", "list", "-f", "csv").contains("www (current),"))
        try await program("profile", "create", "inside")
        #expect(try await program("profile", "list", "-f", "csv").contains("inside,"))
        let outside = try await program("--project", "default", "profile", "list", "-f", "csv")
        #expect(!outside.contains("inside,"))
        let used = try await program.run("project", "delete", "www")
        #expect(used.status == 1 && used.errors.contains("Only empty projects can be removed"), "\(used)")
        try await program("profile", "delete", "inside")
        #expect(try await program("project", "delete", "www") == "Project www deleted\n")
        #expect(try await program("project", "list", "-f", "csv").contains("default (current),"))
        let unknown = try await program.run("--project", "www", "profile", "list")
        #expect(unknown.status == 1 && unknown.errors.contains("Project not found"), "\(unknown)")
        let kept = try await program.run("project", "delete", "default")
        #expect(kept.status == 1 && kept.errors.contains("cannot be deleted"), "\(kept)")
    }

    /// Makes a project whose instances have a disk and no network.
    fileprivate func makeProject(_ name: String, images: Bool = false) async throws {
        try await client.call(
            API.projects.create, body: Project.Creation(name: name, config: ["features.images": "\(images)"]))
        try await inProject(name) { inside in
            try await inside.call(
                API.profiles.update, path: ["name": "default"],
                body: Profile.Update(
                    description: "", config: [:],
                    devices: ["root": ["type": "disk", "path": "/", "pool": "default"]]))
        }
    }

    fileprivate func runTwins(_ name: ClientProgram) async throws {
        let program = program(name)
        try await makeProject("p")
        try await launch("c1")
        try await program("--project", "p", "launch", "busybox", "c1")
        try await program("exec", "c1", "--", "sh", "-c", "echo default > /root/mine")
        try await program("--project", "p", "exec", "c1", "--", "sh", "-c", "echo p > /root/mine")
        try await checkTwins(program)
        for flat in ["c1", "p_c1"] {
            let count = try processes(flat).count
            #expect(count > 0, "the control group of \(flat)")
        }
        let all = try await program("list", "--all-projects", "-f", "csv", "-c", "ens")
        #expect(all == "default,c1,RUNNING\np,c1,RUNNING\n")
        #expect(try await program("list", "-f", "csv", "-c", "n") == "c1\n")
        // A limit of one is none of the other's.
        try await program("--project", "p", "config", "set", "c1", "limits.processes=77")
        #expect(try readFile("\(cgroup("p_c1", "pids"))/pids.max") == "77\n")
        #expect(try readFile("\(cgroup("c1", "pids"))/pids.max") == "max\n")
        // Another lexd finds both.
        try await kill()
        try await start()
        try await checkTwins(program)
        try await program("--project", "p", "stop", "--force", "c1")
        #expect(try await instance("c1").status == "Running")
        try await program("--project", "p", "start", "c1")
        try await program("delete", "--force", "c1")
        #expect(try await program("--project", "p", "exec", "c1", "--", "cat", "/root/mine") == "p\n")
        try await program("--project", "p", "delete", "--force", "c1")
        #expect(try await program("list", "--all-projects", "-f", "csv") == "")
    }

    private func checkTwins(_ program: Program) async throws {
        #expect(try await program("exec", "c1", "--", "cat", "/root/mine") == "default\n")
        #expect(try await program("--project", "p", "exec", "c1", "--", "cat", "/root/mine") == "p\n")
    }

    fileprivate func shareAndNot() async throws {
        try await makeProject("own", images: true)
        try await client.call(
            API.projects.create,
            body: Project.Creation(
                name: "guest", config: ["features.images": "false", "features.profiles": "false"]))
        let network = try await network()
        // The guest uses what is the default project's, and is seen there.
        try await inProject("guest") { inside in
            #expect(try await inside.call(API.images.list, as: [String].self).count == 1)
            #expect(try await inside.call(API.profiles.list, as: [String].self) == ["/1.0/profiles/default"])
            let wish = Instance.Creation(name: "g1", source: Instance.Source(type: "image", alias: "busybox"))
            try await inside.run(API.instances.create, body: wish)
            let shown = try await inside.call(API.instances.get, path: ["name": "g1"])
            #expect(shown.project == "guest" && shown.expandedDevices["eth0"]?["network"] == network)
        }
        #expect(try await client.call(API.instances.list, as: [String].self) == [])
        let all = try await client.call(API.instances.list, as: [String].self, query: ["all-projects": "true"])
        #expect(all == ["/1.0/instances/g1?project=guest"])
        let url = "/1.0/instances/g1?project=guest"
        #expect(try await client.call(API.profiles.get, path: ["name": "default"]).usedBy == [url])
        #expect(try await client.call(API.networks.get, path: ["name": network]).usedBy?.contains(url) == true)
        #expect(try await client.call(API.storagePools.get, path: ["name": "default"]).usedBy?.contains(url) == true)
        #expect(try await client.call(API.projects.get, path: ["name": "guest"]).usedBy == [url])
        #expect(
            try await client.call(API.projects.state, path: ["name": "guest"]).resources["instances"]?.usage == 1)

        // One with images of its own has none of the others', and the same image twice is one file.
        let image = try #require(
            try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"]).first)
        try await inProject("own") { inside in
            let none = try await inside.call(API.images.list, as: [String].self)
            #expect(none == [])
            #expect(try await unpackedImages(inside).map(\.name) == [])
            let wish = Instance.Creation(name: "o1", source: Instance.Source(type: "image", alias: "busybox"))
            await #expect(throws: APIError.self) { try await inside.run(API.instances.create, body: wish) }
        }
        let file = try file("again.tar", await BusyboxImage.standard())
        try await lx("--project", "own", "image", "import", file, "--alias", "mine")
        try await inProject("own") { inside in
            let own = try await inside.call(API.images.get, path: ["fingerprint": image.fingerprint])
            #expect(own.aliases.map(\.name) == ["mine"])
            // The one is unpacked for all.
            let unpacked = try await unpackedImages(inside)
            #expect(unpacked.map(\.project) == ["own"])
            #expect(unpacked.first?.usedBy == ["/1.0/images/\(image.fingerprint)?project=own"])
            try await inside.run(API.images.delete, path: ["fingerprint": image.fingerprint])
        }
        try await launch("c1")
        #expect(try await shell("c1", "echo here") == "here")
        try await lxc("delete", "--force", "c1")
        try await lxc("--project", "guest", "delete", "g1")
        try await lxc("project", "delete", "guest")
    }

    private func unpackedImages(_ client: Client) async throws -> [StorageVolume] {
        try await client.call(
            API.storageVolumes.listOfType, as: [StorageVolume].self, path: ["pool": "default", "type": "image"],
            query: ["recursion": "1"])
    }

    fileprivate func listenInProjects() async throws {
        try await makeProject("p")
        let heard = try await inProject("p") { (inside) -> JSONValue? in
            let events = try await inside.events(types: ["lifecycle"], allProjects: false)
            // In the default project first: it must not be heard before the other.
            try await client.call(API.profiles.create, body: Profile.Creation(name: "theirs"))
            try await inside.call(API.profiles.create, body: Profile.Creation(name: "ours"))
            return try await within(.seconds(30), "an event") { () -> JSONValue? in
                for try await event in events { return event }
                return nil
            }
        }
        let event = try #require(heard)
        #expect(event["project"] == "p")
        #expect(event["metadata"]?["source"] == "/1.0/profiles/ours?project=p")
        // An operation is listed in its project.
        try await inProject("p") { inside in
            let wish = Instance.Creation(name: "c1", source: Instance.Source(type: "image", alias: "busybox"))
            let operation = try #require(try await inside.run(API.instances.create, body: wish))
            #expect(try await isListed(operation, by: inside))
            #expect(try await isListed(operation, by: client, ofAll: true))
            let isElsewhere = try await isListed(operation, by: client)
            #expect(!isElsewhere)
        }
    }

    private func isListed(
        _ operation: LexAPI.Operation, by client: Client, ofAll: Bool = false
    ) async throws -> Bool {
        let url = JSONValue.string("/1.0/operations/\(operation.id)")
        let found = try await client.call(API.operations.list, query: ["all-projects": ofAll ? "true" : nil])
        return found.values.contains { if case .array(let urls) = $0 { urls.contains(url) } else { false } }
    }

    fileprivate func refuseSecondName() async throws {
        let network = try await network()
        try await launch("c1")
        try await makeProject("p")
        let wish = Instance.Creation(
            name: "c1", source: Instance.Source(type: "image", alias: "busybox"),
            devices: ["eth0": ["type": "nic", "network": network]])
        try await inProject("p") { inside in
            try await inside.run(API.instances.create, body: wish)
            let error = await #expect(throws: OperationFailure.self) {
                try await inside.run(
                    API.instances.changeState, path: ["name": "c1"], body: .init(action: "start", timeout: -1))
            }
            #expect(
                error?.description.contains("names are unique on a network") == true, "\(String(describing: error))")
        }
        #expect(try await shell("c1", "echo here") == "here")
        try await stop("c1", force: true)
        try await inProject("p") { inside in
            try await inside.run(
                API.instances.changeState, path: ["name": "c1"], body: .init(action: "start", timeout: -1))
        }
    }
}
