import FoundationEssentials
import Glibc
import LexAPI
package import LexClient
import LexHost
import LexIPC
import Synchronization

extension DaemonFixture {
    /// Takes away everything, through the API as a person would, then ends the daemon, and looks at the host. What is
    /// left is a problem to tell, and is then taken away by force.
    func end() async -> [String] {
        var problems: [String] = []
        do {
            if daemonProcess?.hasEnded != false {
                process.withLock { $0 = nil }
                try await start()
            }
            try await removeEverything()
        } catch {
            problems.append("cleaning up through the API: \(error)")
        }
        try? await client.close()
        do {
            let status = try await stop()
            if status != 0 { problems.append("lexd ended with \(status) after SIGTERM") }
        } catch {
            problems.append("ending lexd: \(error)")
        }
        // The directory itself is the fixture's; what is below it is the daemon's, and may hold mounts.
        do {
            if options.diskSize != nil { try await Program("umount")(directory) }
            try await blocking { [work] in try removeTree(work) }
            let left = try await leftovers()
            if !left.isEmpty { problems += ["left on the host:"] + left }
        } catch {
            problems.append("looking for what is left: \(error)")
        }
        if !problems.isEmpty { await removeByForce() }
        return problems
    }

    /// Makes the daemon's directory a file system in a file.
    func mountDisk(_ size: Int) async throws {
        let image = path("disk.img")
        try await Program("truncate")("--size=\(size)M", image)
        // Nothing kept back for root: full is full.
        try await Program("mkfs.ext4")("-q", "-F", "-m", "0", image)
        try makeDirectories(directory)
        try await Program("mount")("-o", "loop", image, directory)
        try checked("change the mode of", directory) { chmod(directory, 0o711) }
    }

    /// What is on the host that was not before the daemon; things may take a moment to go.
    package func leftovers(within patience: Duration = .seconds(10)) async throws -> [String] {
        let deadline = ContinuousClock.now + patience
        while true {
            let added = try await HostSnapshot.take(tag: tag, directory: work).added(since: before)
            if added.isEmpty || ContinuousClock.now > deadline { return added }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Deletes all instances, images, profiles, networks and pools, and all projects but the default one.
    package func removeEverything() async throws {
        for project in try await client.call(API.projects.list, as: [Project].self, query: ["recursion": "1"])
        where project.name != Project.defaultName {
            try await removeProject(project)
        }
        for instance in try await client.call(API.instances.list, as: [Instance].self, query: ["recursion": "1"]) {
            try await removeInstance(instance.name)
        }
        for image in try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"]) {
            try await client.run(API.images.delete, path: ["fingerprint": image.fingerprint])
        }
        for profile in try await client.call(API.profiles.list, as: [Profile].self, query: ["recursion": "1"]) {
            if profile.name == "default" {
                try await client.call(
                    API.profiles.update, path: ["name": "default"],
                    body: Profile.Update(description: "", config: [:], devices: [:]))
            } else {
                try await client.call(API.profiles.delete, path: ["name": profile.name])
            }
        }
        for network in try await client.call(API.networks.list, as: [Network].self, query: ["recursion": "1"])
        where network.managed {
            try await client.call(API.networks.delete, path: ["name": network.name])
        }
        for pool in try await client.call(API.storagePools.list, as: [StoragePool].self, query: ["recursion": "1"]) {
            try await removeVolumes(of: pool.name)
            try await client.call(API.storagePools.delete, path: ["name": pool.name])
        }
    }

    private func removeProject(_ project: Project) async throws {
        try await inProject(project.name) { try await remove(project.usedBy, in: $0) }
        try await client.call(API.projects.delete, path: ["name": project.name])
    }

    private func remove(_ urls: [String], in inside: Client) async throws {
        for url in urls {
            let parts = url.prefix { $0 != "?" }.split(separator: "/").map(String.init)
            guard parts.count == 3 else { continue }
            switch parts[1] {
            case "instances":
                let change = Instance.StateChange(action: "stop", timeout: 0, force: true)
                _ = try? await inside.run(API.instances.changeState, path: ["name": parts[2]], body: change)
                try await inside.run(API.instances.delete, path: ["name": parts[2]])
            case "images":
                try await inside.run(API.images.delete, path: ["fingerprint": parts[2]])
            case "profiles" where parts[2] != Project.defaultName:
                try await inside.call(API.profiles.delete, path: ["name": parts[2]])
            default: break
            }
        }
    }

    /// Does something with a client that works in a project.
    @discardableResult
    package func inProject<Result>(_ name: String, _ body: (Client) async throws -> Result) async throws -> Result {
        let inside = Client(.unix(path: "\(directory)/unix.socket"), project: name)
        do {
            let result = try await body(inside)
            try await inside.close()
            return result
        } catch {
            try? await inside.close()
            throw error
        }
    }

    private func removeVolumes(of pool: String) async throws {
        let volumes = try await client.call(
            API.storageVolumes.listOfType, as: [StorageVolume].self, path: ["pool": pool, "type": "custom"],
            query: ["recursion": "1"])
        // A snapshot goes with its volume.
        for volume in volumes where !volume.name.contains("/") {
            try await client.call(
                API.storageVolumes.delete, path: ["pool": pool, "type": "custom", "volume": volume.name])
        }
    }

    /// Kills and deletes an instance; one that goes by itself meanwhile is fine.
    package func removeInstance(_ name: String) async throws {
        let change = Instance.StateChange(action: "stop", timeout: 0, force: true)
        _ = try? await client.run(API.instances.changeState, path: ["name": name], body: change)
        do {
            try await client.run(API.instances.delete, path: ["name": name])
        } catch let error as APIError where error.status == 404 {
        } catch let error as OperationFailure where error.description == "Instance not found" {}
    }

    /// The last resort after a failure, so that one broken test does not break the next: everything that carries the
    /// daemon's tag or its directory's name is ended and removed.
    private func removeByForce() async {
        for _ in 0..<10 {
            guard let left = try? await HostSnapshot.take(tag: tag, directory: work), left != before else { break }
            for process in left.things["processes"] ?? [] {
                if let id = Int32(process.prefix { $0 != " " }) { try? RunningProcess(id)?.signal(SIGKILL) }
            }
            for link in left.things["links"] ?? [] {
                _ = try? await Program("ip").run("link", "delete", link)
            }
            for table in left.things["nft tables"] ?? [] {
                // `table inet NAME`
                _ = try? await Program("nft").run(["delete"] + table.split(separator: " ").map(String.init))
            }
            for mount in left.things["mounts"] ?? [] {
                let fields = mount.split(separator: " ")
                if fields.count > 1 { _ = try? await Program("umount").run("-l", String(fields[1])) }
            }
            for group in left.things["cgroups"] ?? [] { removeGroups(group) }
            for entry in left.things["run"] ?? [] { try? removeTree(entry) }
            if let ids = try? readFile("/run/lexd-ids/ranges", limit: 16 << 20) {
                let kept = ids.split(separator: "\n").filter { !$0.contains(directory) }
                try? replaceFile("/run/lexd-ids/ranges", kept.map { "\($0)\n" }.joined().utf8)
            }
            try? removeTree(work)
        }
    }

    private func removeGroups(_ path: String) {
        for name in (try? directoryNames(path)) ?? [] {
            var status = stat()
            if lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                removeGroups("\(path)/\(name)")
            }
        }
        rmdir(path)
    }
}
