import LexInstance
import Synchronization

/// The processes that serve the files of instances.
///
/// One that has nothing to do is kept for a moment: what looks at one file soon looks at the next. Each holds the mounts
/// of its instance, so they end before an instance is started, renamed or deleted, and when its run is over.
final class FileServers: Sendable {
    /// How long one is kept.
    private static let patience = Duration.seconds(3)
    /// The most that are kept for one instance.
    private static let mostIdle = 4

    private struct State {
        var all: [String: [ObjectIdentifier: FileServer]] = [:]
        var idle: [String: [FileConnection]] = [:]
    }
    private let state = Mutex(State())

    /// One that has nothing to do.
    func takeIdle(of key: String) -> FileConnection? { state.withLock { $0.idle[key]?.popLast() } }

    /// Counts one that was begun.
    func add(_ server: FileServer, of key: String) {
        state.withLock { $0.all[key, default: [:]][ObjectIdentifier(server)] = server }
    }

    /// Ends one.
    func end(_ server: FileServer, of key: String) async {
        forget(server, of: key)
        await server.end()
    }

    /// Keeps one that has nothing to do any more, for a moment.
    func giveBack(_ connection: FileConnection, of key: String) {
        let isKept = state.withLock { state in
            // One that was ended meanwhile is none any more.
            guard state.all[key]?[ObjectIdentifier(connection.server)] != nil,
                state.idle[key, default: []].count < Self.mostIdle
            else { return false }
            state.idle[key, default: []].append(connection)
            return true
        }
        Task {
            if isKept {
                try? await Task.sleep(for: Self.patience)
                let isStillIdle = state.withLock { state in
                    guard let index = state.idle[key]?.firstIndex(where: { $0 === connection }) else { return false }
                    state.idle[key]?.remove(at: index)
                    return true
                }
                // It may have been used and given back since: then it goes a little early.
                guard isStillIdle else { return }
            }
            await end(connection.server, of: key)
        }
    }

    /// Ends all of an instance, also those at work.
    func end(of key: String) async {
        let servers = state.withLock { state in
            state.idle[key] = nil
            return Array((state.all.removeValue(forKey: key) ?? [:]).values)
        }
        for server in servers { await server.end() }
    }

    /// Ends all there are.
    func endAll() async {
        for key in state.withLock({ Array($0.all.keys) }) { await end(of: key) }
    }

    private func forget(_ server: FileServer, of key: String) {
        state.withLock { state in
            state.all[key]?[ObjectIdentifier(server)] = nil
            if state.all[key]?.isEmpty == true { state.all[key] = nil }
            if state.idle[key]?.isEmpty == true { state.idle[key] = nil }
        }
    }
}

/// The use of a file server by one request; one that is not given back is ended.
final class FileLease: Sendable {
    private let servers: FileServers
    private let key: String
    private let held: Mutex<FileConnection?>
    /// What is asked.
    let connection: FileConnection

    init(_ connection: FileConnection, of key: String, from servers: FileServers) {
        self.connection = connection
        self.servers = servers
        self.key = key
        held = Mutex(connection)
    }

    deinit { end() }

    /// Keeps the server for the next request: nothing is open there any more, and no answer under way.
    func giveBack() {
        guard let connection = take() else { return }
        servers.giveBack(connection, of: key)
    }

    /// Ends the server.
    func end() {
        guard let connection = take() else { return }
        let (servers, key) = (servers, key)
        Task { await servers.end(connection.server, of: key) }
    }

    private func take() -> FileConnection? {
        held.withLock { held in
            defer { held = nil }
            return held
        }
    }
}
