import LexAPI
import LexInstance
import LexNetwork
import Synchronization

/// What lexd knows of an instance beside its record: whether it runs, and what belongs to this run.
final class LiveInstance: Sendable {
    let key: String
    private struct State {
        var lifecycle: Lifecycle
        var run: Run?
    }
    private let state: Mutex<State>

    /// One run of an instance, from its start to its end.
    struct Run: Sendable {
        let process: RunningInstance
        /// Its interfaces on the host, by device.
        var nics: [String: AttachedNIC]
        /// Opened when everything of it is put away.
        let ended = Gate()
        /// How its end comes, for the event that tells of it.
        var end = End.fromInside
        /// Whether its end is the first half of a restart that somebody asked for.
        var isRestart = false
        /// Who asked for its end.
        var requestor: Event.Requestor?
        /// The id of its first user.
        let firstID: UInt32?
    }

    /// How a run came to its end.
    enum End: Sendable, Equatable {
        /// The system inside went down by itself.
        case fromInside
        /// Someone asked it to go down.
        case asked
        /// Someone had it killed.
        case killed
    }

    init(key: String) {
        self.key = key
        state = Mutex(State(lifecycle: Lifecycle()))
    }

    var lifecycle: Lifecycle { state.withLock { $0.lifecycle } }
    var run: Run? { state.withLock { $0.run } }

    /// Takes a wish, or throws why it is not possible now.
    func wish(_ wish: Lifecycle.Wish) throws -> Lifecycle.Action {
        try state.withLock { try $0.lifecycle.wish(wish) }
    }

    func happened(_ event: Lifecycle.Event) {
        state.withLock { state in
            // Its end came after all, just behind the time for it.
            if event == .stopTimedOut, state.run == nil { return }
            state.lifecycle.happened(event)
        }
    }

    /// It runs now.
    func began(_ run: Run, isFrozen: Bool = false) {
        state.withLock { state in
            state.run = run
            state.lifecycle = Lifecycle(isFrozen ? .frozen : .running)
        }
    }

    /// Notes how the end will come, and who asked for it.
    func willEnd(_ end: End, isRestart: Bool = false, requestor: Event.Requestor? = nil) {
        state.withLock { state in
            state.run?.end = end
            state.run?.isRestart = isRestart
            state.run?.requestor = requestor
        }
    }

    /// Its processes are gone; answers the run that was. Until ``didEnd()`` it cannot be started.
    func isEnding() -> Run? {
        state.withLock { state in
            state.lifecycle.happened(state.run == nil ? .ended : .ending)
            return state.run
        }
    }

    /// It runs no more, and nothing of the run is left.
    func didEnd() {
        state.withLock { state in
            state.lifecycle.happened(.ended)
            state.run = nil
        }
    }
}
