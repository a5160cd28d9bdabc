import Glibc
package import LexAPI
package import LexClient
import LexHost
import LexIPC
import Synchronization

extension DaemonFixture {
    /// The files of images and other things a test makes beside the daemon's.
    package func path(_ name: String) -> String { "\(work)/\(name)" }

    /// Writes bytes to a new file of the test's; answers its path.
    package func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        try replaceFile(path(name), bytes)
        return path(name)
    }

    /// Imports an image from memory; answers its fingerprint.
    @discardableResult
    package func importImage(_ bytes: [UInt8], alias: String? = nil) async throws -> String {
        let name = "image-\(UInt32.random(in: .min ... .max)).tar"
        let file = try file(name, bytes)
        defer { unlink(file) }
        return try await importImage(file: file, alias: alias)
    }

    /// Imports an image from a file; answers its fingerprint.
    @discardableResult
    package func importImage(file: String, alias: String? = nil) async throws -> String {
        let input = try OwnedDescriptor.open(file, O_RDONLY)
        let operation = try await client.runUpload(API.images.create, Upload.file(input.number))
        withExtendedLifetime(input) {}
        guard let fingerprint = operation?.metadata?["fingerprint"]?.text else {
            throw FixtureError(["the upload of an image gave no fingerprint"], log: "")
        }
        if let alias {
            try await client.call(
                API.images.createAlias, body: Image.AliasEntry(name: alias, target: fingerprint, description: ""))
        }
        return fingerprint
    }

    func importBusybox() async throws { try await importImage(await BusyboxImage.standard(), alias: "busybox") }

    /// Makes an instance and does not start it.
    package func create(
        _ name: String, image: String = "busybox", config: [String: String] = [:],
        devices: [String: [String: String]] = [:], profiles: [String]? = nil, ephemeral: Bool = false
    ) async throws {
        let wish = Instance.Creation(
            name: name, source: Instance.Source(type: "image", alias: image), config: config, devices: devices,
            profiles: profiles, ephemeral: ephemeral)
        try await client.run(API.instances.create, body: wish)
    }

    /// Makes an instance and starts it; with the busybox image its init has set everything up when this returns.
    package func launch(
        _ name: String, image: String = "busybox", config: [String: String] = [:],
        devices: [String: [String: String]] = [:], profiles: [String]? = nil, ephemeral: Bool = false
    ) async throws {
        try await create(
            name, image: image, config: config, devices: devices, profiles: profiles, ephemeral: ephemeral)
        try await start(name)
    }

    /// Starts an instance.
    package func start(_ name: String) async throws {
        try await changeState(name, "start", timeout: -1)
        // Not every image has this file; those of busybox do.
        if try await isBusybox(name) {
            try await eventually("\(name) has booted") {
                try await exec(name, "test", "-e", "/run/booted").status == 0
            }
        }
    }

    private func isBusybox(_ name: String) async throws -> Bool {
        try await instance(name).config["image.os"] == "Busybox"
    }

    /// Stops an instance cleanly, or kills it.
    package func stop(_ name: String, force: Bool = false) async throws {
        try await changeState(name, "stop", timeout: force ? 0 : 30, force: force)
    }

    /// Changes the state of an instance and waits for the end of it.
    package func changeState(_ name: String, _ action: String, timeout: Int64 = 30, force: Bool = false) async throws {
        try await client.run(
            API.instances.changeState, path: ["name": name],
            body: Instance.StateChange(action: action, timeout: timeout, force: force))
    }

    /// An instance as the daemon shows it.
    package func instance(_ name: String) async throws -> Instance {
        try await client.call(API.instances.get, path: ["name": name])
    }

    /// What an instance does.
    package func state(_ name: String) async throws -> Instance.State {
        try await client.call(API.instances.state, path: ["name": name])
    }

    /// Waits until an instance is in a state, `Running` or `Stopped`.
    package func waitFor(_ name: String, _ status: String, within patience: Duration = .seconds(30)) async throws {
        try await eventually("\(name) is \(status)", within: patience) { try await instance(name).status == status }
    }

    /// Changes the configuration of an instance in part.
    package func configure(_ name: String, _ config: [String: String]) async throws {
        try await client.call(API.instances.patch, path: ["name": name], body: Instance.Update(config: config))
    }

    /// Runs a command in an instance, over websockets and without a terminal.
    package func exec(_ name: String, _ command: String...) async throws -> CommandOutput {
        try await exec(name, Instance.Exec(command: command))
    }

    /// Runs a shell's text in an instance; throws unless it ends with 0. Answers its output without the last newline.
    @discardableResult
    package func shell(_ name: String, _ text: String) async throws -> String {
        let output = try await exec(name, "sh", "-c", text)
        guard output.status == 0 else { throw CommandFailed(output: output) }
        return output.text.hasSuffix("\n") ? String(output.text.dropLast()) : output.text
    }

    /// Runs a command as it is asked for.
    package func exec(
        _ name: String, _ request: Instance.Exec, input: ExecStreams.Source = .nothing
    ) async throws -> CommandOutput {
        let output = Collected()
        let errors = Collected()
        let streams = ExecStreams(
            input: input, output: .function { output.append($0) }, errors: .function { errors.append($0) })
        let result = try await within(.seconds(120), "the end of \(request.command) in \(name)") { [client] in
            try await client.exec(name, request, streams: streams)
        }
        return CommandOutput(
            command: "exec \(name): \(request.command.joined(separator: " "))", status: Int32(result.exitCode),
            bytes: output.bytes, errors: String(decoding: errors.bytes, as: UTF8.self))
    }

    /// The number on the host of an instance's init.
    package func initProcess(_ name: String) async throws -> Int32 { Int32(try await state(name).pid) }

    /// The command lines of an instance's processes, by their numbers on the host; read on the host, since nothing inside
    /// can be asked of an instance that stands still.
    package func processes(_ name: String) throws -> [Int32: String] {
        var found: [Int32: String] = [:]
        var waiting = [try cgroup(name, "pids")]
        while let group = waiting.popLast() {
            for id in ((try? readFile("\(group)/cgroup.procs")) ?? "").split(separator: "\n").compactMap({ Int32($0) })
            {
                let words = ((try? readFile("/proc/\(id)/cmdline")) ?? "").split(separator: "\0")
                if !words.isEmpty { found[id] = words.joined(separator: " ") }
            }
            for child in (try? directoryNames(group)) ?? [] where access("\(group)/\(child)/cgroup.procs", F_OK) == 0 {
                waiting.append("\(group)/\(child)")
            }
        }
        return found
    }

    /// Whether a process with this command line runs in an instance.
    package func runs(_ command: String, in name: String) throws -> Bool {
        try processes(name).values.contains(command)
    }

    /// The control group of an instance's processes: the directory of a controller on this host.
    package func cgroup(_ name: String, _ controller: String) throws -> String {
        guard let path = try CgroupLayout.detect().directory(controller, "\(tag).payload.\(name)") else {
            throw SystemError("find the control group controller", controller, code: ENOENT)
        }
        return path
    }
}

private final class Collected: Sendable {
    private let content = Mutex<[UInt8]>([])
    func append(_ bytes: [UInt8]) { content.withLock { $0.append(contentsOf: bytes) } }
    var bytes: [UInt8] { content.withLock { $0 } }
}

extension DaemonFixture {
    /// The name of the managed network the first start made.
    package func network() async throws -> String {
        let networks = try await client.call(API.networks.list, as: [Network].self, query: ["recursion": "1"])
        guard let managed = networks.first(where: \.managed) else {
            throw FixtureError(["the daemon has no network"], log: logTail)
        }
        return managed.name
    }
}
