import Synchronization

/// Which instances run: said by those who look after instances, asked by those below them.
final class RunningInstances: Sendable {
    private let keys = Mutex<Set<String>>([])

    init() {}

    /// Whether the instance with that key runs.
    func has(_ key: String) -> Bool { keys.withLock { $0.contains(key) } }

    func set(_ key: String, _ isRunning: Bool) {
        keys.withLock { keys in
            if isRunning { keys.insert(key) } else { keys.remove(key) }
        }
    }
}
