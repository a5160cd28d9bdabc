import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// What can be changed of images, and what becomes of them.
    @Suite struct ImageChanges {
        /// One that is made again takes over all that the old one had; who stands on the old one goes on.
        @Test func aTemplateIsRefreshed() async throws {
            try await withTemporaryDirectory { recipes in
                try makeDirectories(recipes + "/tiny")
                let recipe = """
                    name: tiny/1
                    suite: bookworm
                    variant: essential
                    components: [main]
                    packages: [busybox-static]
                    properties: {os: Debian, release: bookworm, description: tiny}

                    """
                try replaceFile(recipes + "/tiny/1.yaml", recipe.utf8, mode: 0o644)
                var options = DaemonFixture.Options.withoutImage
                options.environment["LEXD_RECIPES"] = recipes
                try await withDaemon(options) { try await $0.refreshesATemplate() }
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func properties(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in try await daemon.changeProperties(name) }
        }

        /// `PUT` and `PATCH` as LXD has them.
        @Test func wholeAndInPart() async throws {
            try await withDaemon { daemon in try await daemon.replaceAndPatch() }
        }

        /// An instance made without a word about profiles gets the image's.
        @Test(arguments: ClientProgram.allCases)
        func profilesOfAnImage(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in try await daemon.tieProfiles(name) }
        }

        /// One file and one layer, however many projects have the image.
        @Test(arguments: ClientProgram.allCases)
        func copiesInProjects(_ name: ClientProgram) async throws {
            try await withDaemon { daemon in try await daemon.copyToProject(name) }
        }

        @Test func secretsAndWhatIsNotServed() async throws {
            try await withDaemon { daemon in try await daemon.useSecrets() }
        }
    }
}

extension DaemonFixture {
    fileprivate func refreshesATemplate() async throws {
        func images() async throws -> [Image] {
            try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"])
        }
        _ = try await lx("image", "build", "tiny/1", "--alias", "tiny", within: .seconds(400))
        let old = try #require(try await images().first)
        try await lx("image", "alias", "create", "second", old.fingerprint)
        let text = "auto_update: false\npublic: true\nproperties:\n  os: Debian\nprofiles:\n- default\n"
        try await lx("image", "edit", "tiny", input: .text(text))
        try await lx("init", "tiny", "c1")
        _ = try await lx("image", "refresh", "second", within: .seconds(400))
        let new = try await images()
        #expect(new.count == 1 && new.first?.fingerprint != old.fingerprint)
        #expect(new.first?.aliases.map(\.name).sorted() == ["second", "tiny"])
        #expect(new.first?.public == true && new.first?.profiles == ["default"])
        #expect(try await lx("file", "pull", "c1/etc/debian_version", "-").hasPrefix("12"))
        try await lx("init", "tiny", "c2")
        #expect(try await instance("c2").config["volatile.base_image"] == new.first?.fingerprint)
        try await lx("delete", "c1", "c2")
    }

    private func busybox() async throws -> Image {
        let target = try await client.call(API.images.alias, path: ["name": "busybox"]).target
        return try await client.call(API.images.get, path: ["fingerprint": target])
    }

    fileprivate func changeProperties(_ name: ClientProgram) async throws {
        let run = program(name)
        #expect(try await run("image", "get-property", "busybox", "os") == "Busybox\n")
        try await run("image", "set-property", "busybox", "note", "a text")
        #expect(try await busybox().properties["note"] == "a text")
        #expect(try await run("image", "get-property", "busybox", "note") == "a text\n")
        try await run("image", "unset-property", "busybox", "note")
        #expect(try await busybox().properties["note"] == nil)
        let missing = try await run.run("image", "get-property", "busybox", "note")
        #expect(missing.status == 1)
        #expect(missing.errors.contains("Property not found"), "\(missing)")
        try await run("image", "unset-property", "busybox", "note")
        let text = "auto_update: false\npublic: true\nproperties:\n  os: Other\nprofiles:\n- default\n"
        let edited = try await run.run(["image", "edit", "busybox"], input: .bytes(Array(text.utf8)))
        #expect(edited.status == 0, "\(edited)")
        #expect(try await busybox().properties == ["os": "Other"])
        #expect(try await busybox().public)
        #expect(try await lx("image", "show", "busybox") == lxc("image", "show", "busybox"))
        #expect(try await lx("image", "info", "busybox") == lxc("image", "info", "busybox"))
        #expect(try await run("image", "list", "os=Other", "-f", "csv", "-c", "lp") == "busybox,yes\n")
        #expect(try await run("image", "list", "os=Busybox", "-f", "csv") == "")

        let stale = try await run.run(["image", "refresh", "busybox"])
        #expect(stale.status == 1)
        #expect(stale.errors.contains("Image source not found"), "\(stale)")
        try await run("image", "alias", "create", "second", String(busybox().fingerprint.prefix(8)))
        let images = try await run("image", "list", "-f", "csv", "-c", "Lf")
        #expect(images.contains("busybox") && images.contains("second"))
    }

    fileprivate func replaceAndPatch() async throws {
        let path = try await ["fingerprint": busybox().fingerprint]
        let first = try await client.answer(API.images.get, path: path)
        try await client.call(
            API.images.patch, path: path,
            body: .init(properties: ["note": "1"], expiresAt: Timestamp("2040-01-01T00:00:00Z")))
        var image = try await busybox()
        #expect(image.properties["note"] == "1" && image.properties["os"] == "Busybox")
        #expect(image.expiresAt.text == "2040-01-01T00:00:00Z")
        try await client.call(API.images.patch, path: path, body: .init(properties: ["note": ""]))
        #expect(try await busybox().properties["note"] == nil)
        // What was read before that change is out of date.
        let stale = await #expect(throws: APIError.self) {
            try await client.call(API.images.update, path: path, body: .init(), ifMatch: first.etag)
        }
        #expect(stale?.status == 412)
        let unknown = await #expect(throws: APIError.self) {
            try await client.call(API.images.update, path: path, body: .init(profiles: ["nobody"]))
        }
        #expect(unknown?.status == 400)
        #expect(unknown?.message == "Profile 'nobody' doesn't exist")
        try await client.call(
            API.images.update, path: path, body: .init(autoUpdate: true, public: true, profiles: []))
        image = try await busybox()
        #expect(image.autoUpdate && image.public && image.properties == [:] && image.profiles == [])
        // Go's zero time says nothing, and no word on profiles is `default`.
        try await client.call(API.images.update, path: path, body: .init(expiresAt: .never))
        image = try await busybox()
        #expect(!image.autoUpdate && !image.public && image.profiles == ["default"])
        #expect(image.expiresAt.text == "2040-01-01T00:00:00Z")
        for name in ["", "a\u{7f}"] {
            let refused = await #expect(throws: APIError.self) {
                try await client.call(API.images.patch, path: path, body: .init(properties: [name: "x"]))
            }
            #expect(refused?.status == 400)
        }
    }

    fileprivate func tieProfiles(_ name: ClientProgram) async throws {
        let run = program(name)
        try await client.call(API.profiles.create, body: .init(name: "tied", config: ["user.from": "tied"]))
        try await client.call(API.profiles.create, body: .init(name: "gone"))
        try await client.call(
            API.images.patch, path: ["fingerprint": busybox().fingerprint],
            body: .init(profiles: ["default", "gone", "tied"]))
        try await client.call(API.profiles.delete, path: ["name": "gone"])
        try await run("init", "busybox", "c1")
        #expect(try await instance("c1").profiles == ["default", "tied"])
        try await run("init", "busybox", "c2", "-p", "default")
        #expect(try await instance("c2").profiles == ["default"])
        try await removeInstance("c1")
        try await removeInstance("c2")
    }

    fileprivate func copyToProject(_ name: ClientProgram) async throws {
        let run = program(name)
        let image = try await busybox()
        try await client.call(API.projects.create, body: .init(name: "other"))
        let mode = name == .lxc ? ["--mode", "relay"] : []
        let copied = try await run.run(
            ["image", "copy", "busybox", "local:", "--target-project", "other", "--alias", "mine", "--copy-aliases"]
                + mode)
        #expect(copied.status == 0, "\(copied)")
        #expect(copied.text.contains("Image copied successfully!"))
        let there = try await run("image", "list", "--project", "other", "-f", "csv", "-c", "LF")
        #expect(there.contains("mine") && there.contains("busybox") && there.contains(image.fingerprint))
        let twice = try await run.run(["image", "copy", "busybox", "local:", "--target-project", "other"] + mode)
        // The stock client takes its own upload's failure for a success.
        #expect(twice.status == 1 || name == .lxc)
        let same = try await run.run(["image", "copy", "busybox", "local:", "--alias", "again"])
        #expect(same.errors.contains("The source and target servers must be different"))
        #expect(try directoryNames("\(directory)/images") == [image.fingerprint])

        // The first to go leaves the file and the layer to the other.
        try await run("image", "delete", "busybox")
        #expect(try directoryNames("\(directory)/images") == [image.fingerprint])
        #expect(try directoryNames("\(directory)/storage-pools/default/images") == [image.fingerprint])
        #expect(try await run("image", "list", "-f", "csv") == "")
        try await run("image", "delete", "mine", "--project", "other")
        #expect(try directoryNames("\(directory)/images") == [])
        #expect(try directoryNames("\(directory)/storage-pools/default/images") == [])
        try await client.call(API.projects.delete, path: ["name": "other"])
    }

    fileprivate func useSecrets() async throws {
        let image = try await busybox()
        let url = "/1.0/images/\(image.fingerprint)"
        let begun = try await client.start(API.images.secret, path: ["fingerprint": image.fingerprint])
        let operation = try #require(begun)
        #expect(operation.class == "token")
        #expect(operation.status == "Running")
        let secret = try #require(operation.metadata?["secret"]?.text)
        #expect(secret.count == 64)
        let wrong = String(repeating: "0", count: 64)
        #expect(try await client.raw(.get, "\(url)/export?secret=\(wrong)").status == 404)
        #expect(try await client.raw(.get, "\(url)/export?secret=\(secret)").status == 200)
        // It is good once.
        #expect(try await client.raw(.get, "\(url)/export?secret=\(secret)").status == 404)
        #expect(try await client.raw(.get, "\(url)/export").status == 200)

        let json = [("Content-Type", "application/json")]
        let wishes: [(String, Int)] = [
            (#"{}"#, 400), (#"{"source":{"type":"foo"}}"#, 400), (#"{"source":{"type":"image"}}"#, 202),
            (#"{"source":{"type":"image","server":"https://127.0.0.1:1","alias":"x"}}"#, 400),
            (#"{"source":{"type":"url","url":"http://127.0.0.1:1/"}}"#, 400),
            (#"{"source":{"type":"image","mode":"push","fingerprint":"ab"}}"#, 400),
            (#"{"source":{"type":"image","alias":"busybox"},"profiles":["nobody"]}"#, 400),
        ]
        for (body, status) in wishes {
            let answer = try await client.raw(.post, "/1.0/images", body: Array(body.utf8), headers: json)
            #expect(answer.status == status, "\(body): \(answer)")
        }
        let push = try await client.raw(
            .post, "\(url)/export", body: Array(#"{"target":"https://127.0.0.1:1"}"#.utf8), headers: json)
        #expect(push.status == 400)
        #expect(try await client.raw(.post, "/1.0/images/ffff/refresh").status == 404)
        #expect(try await client.raw(.post, "/1.0/images/ffff/secret").status == 404)
    }
}
