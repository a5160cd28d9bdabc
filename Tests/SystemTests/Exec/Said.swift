import Synchronization

/// What a command has said, and which steps of a test were taken on it.
final class Said: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var taken: Set<String> = []
    }
    private let state = Mutex(State())

    func hear(_ bytes: [UInt8]) { state.withLock { $0.bytes += bytes } }
    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    func contains(_ wanted: String) -> Bool { text.contains(wanted) }
    /// Whether a step is taken for the first time.
    func first(_ step: String) -> Bool { state.withLock { $0.taken.insert(step).inserted } }
}
