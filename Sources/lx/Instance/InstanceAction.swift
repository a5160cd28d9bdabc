import LexAPI
import LexClient

/// One change of one instance's state, as the server is asked for it.
struct InstanceAction: Sendable {
    let name: String
    var change: Instance.StateChange
    /// "Starting", for the progress line.
    let doing: String
    /// "Started", for what is said in the end; nil when nothing is lost by it.
    let done: String?

    static func starting(_ name: String, stateful: Bool = false) -> InstanceAction {
        InstanceAction(
            name: name, change: .init(action: "start", timeout: -1, stateful: stateful), doing: "Starting", done: nil)
    }

    /// Performs it; a start that fails points to the log, unless it is plain that the log has nothing to say.
    func perform(on client: Client, _ global: GlobalOptions, hint: Bool = true) async throws {
        do {
            try await global.run(
                client, saying: "\(doing) \(name)", API.instances.changeState, path: ["name": name], body: change)
        } catch let error as OperationFailure where change.action == "start" && hint {
            throw Failure("\(error)\nThe log may say more: lx info --show-log \(name)")
        }
        if let done { global.say("\(done) \(name)") }
    }
}

/// Doing the same to several instances.
enum EachInstance {
    /// Does it to all of them side by side. When one of several fails, the others are done all the same, and the error
    /// at the end is about all of them.
    static func perform(
        _ names: [String], _ verb: String, _ global: GlobalOptions,
        _ body: @Sendable @escaping (Client, String) async throws -> Void
    ) async throws {
        let references = try names.map { try Reference($0) }
        for reference in references where reference.name.isEmpty {
            throw Failure("Cannot \(verb) \"\(reference.remote.rawValue):\": there is no name of an instance behind it")
        }
        guard references.count > 1, let remote = references.first?.remote else {
            for reference in references {
                try await global.withServer(reference.remote) { try await body($0, reference.name) }
            }
            return
        }
        try await global.withServer(remote) { client in
            let errors = await withTaskGroup(of: (Int, (any Error)?).self) { group in
                for (index, reference) in references.enumerated() {
                    group.addTask {
                        do {
                            try await body(client, reference.name)
                            return (index, nil)
                        } catch {
                            return (index, error)
                        }
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for (index, name) in names.enumerated() {
                if let error = errors[index] { StandardError.line("\(name): error: \(error)") }
            }
            if !errors.isEmpty { throw Failure("Some instances failed to \(verb)") }
        }
    }

    /// The same change for all instances for which it makes sense, by one request.
    static func performOnAll(
        _ given: [String], _ change: Instance.StateChange, doing: String, _ global: GlobalOptions
    ) async throws {
        // With --all the only word may be a remote.
        let references = try given.map { try Reference($0) }
        guard references.allSatisfy({ $0.name.isEmpty }), references.count <= 1 else {
            throw Failure("Both --all and instance name given")
        }
        try await global.withServer(references.first?.remote ?? .local) { client in
            try await global.run(
                client, saying: "\(doing) all instances", API.instances.changeStates, body: .init(change))
        }
    }
}
