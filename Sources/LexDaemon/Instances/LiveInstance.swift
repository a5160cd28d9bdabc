import LexAPI
import LexIPC
import LexInstance
import LexNetwork
import Synchronization

/// What lexd knows of an instance beside its record: whether it runs, and what belongs to this run.
final class LiveInstance: Sendable {
    let key: String
    private let running: RunningInstances
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
        /// What they are to be, by device.
        var wantedNICs: [String: WantedNIC] = [:]
        /// What was made of that on the host, by device.
        var tunings: [String: NICTuning] = [:]
        /// What passes connections on, by device.
        var proxies: [String: RunningProxy] = [:]
        /// The disks and device nodes it has beside its root.
        var devices = HeldDevices()
        /// Opened when everything of it is put away.
        let ended = Gate()
        /// How its end comes, for the event that tells of it.
        var end = End.fromInside
        /// Whether its end is the first half of a restart that somebody asked for.
        var isRestart = false
        /// Who asked for its end.
        var requestor: Event.Requestor?
        /// Its ids.
        let ids: IDMap
        /// Whether it may make only calls of the machine's own width.
        var deniesForeignCalls = false

        /// Whether both are the same run, whatever became known of it since.
        func isSame(as other: Run?) -> Bool { ended === other?.ended }
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

    init(key: String, running: RunningInstances) {
        self.key = key
        self.running = running
        state = Mutex(State(lifecycle: Lifecycle()))
    }

    var lifecycle: Lifecycle { state.withLock { $0.lifecycle } }
    var run: Run? { state.withLock { $0.run } }

    /// Takes a wish, or throws why it is not possible now.
    func wish(_ wish: Lifecycle.Wish) throws -> Lifecycle.Action {
        try state.withLock { try $0.lifecycle.wish(wish) }
    }

    func happened(_ event: Lifecycle.Event) {
        state.withLock { $0.lifecycle.happened(event) }
    }

    /// A run has not ended in the time for it. It may have after all, just behind that, and another may have begun.
    func stopTimedOut(_ run: Run) {
        state.withLock { state in
            guard run.isSame(as: state.run) else { return }
            state.lifecycle.happened(.stopTimedOut)
        }
    }

    /// Takes back what was noted for the end of a run that could not be asked for.
    func willNotEnd(_ before: Run, _ lifecycle: Lifecycle) {
        state.withLock { state in
            guard before.isSame(as: state.run) else { return }
            state.run = before
            state.lifecycle = lifecycle
        }
    }

    /// It runs now.
    func began(_ run: Run, isFrozen: Bool = false) {
        state.withLock { state in
            state.run = run
            state.lifecycle = Lifecycle(isFrozen ? .frozen : .running)
            running.set(key, true)
        }
    }

    /// Notes how the end of a run will come, and who asked for it.
    func willEnd(_ run: Run, _ end: End, isRestart: Bool = false, requestor: Event.Requestor? = nil) {
        state.withLock { state in
            guard run.isSame(as: state.run) else { return }
            state.run?.end = end
            state.run?.isRestart = isRestart
            state.run?.requestor = requestor
        }
    }

    /// Notes the disks and device nodes that a run has now.
    func has(_ devices: HeldDevices, in run: Run) {
        state.withLock { state in
            guard run.isSame(as: state.run) else { return }
            state.run?.devices = devices
        }
    }

    /// Notes what a run was given or what was taken from it.
    func change(_ run: Run, _ change: (inout Run) -> Void) {
        state.withLock { state in
            guard run.isSame(as: state.run), var changed = state.run else { return }
            change(&changed)
            state.run = changed
        }
    }

    /// The processes of a run are gone; answers what is known of it, nil when another has taken its place. Until
    /// ``didEnd()`` it cannot be started.
    func isEnding(_ run: Run) -> Run? {
        state.withLock { state in
            guard run.isSame(as: state.run) else { return nil }
            state.lifecycle.happened(.ending)
            return state.run
        }
    }

    /// It runs no more, and nothing of the run is left.
    func didEnd() {
        state.withLock { state in
            state.lifecycle.happened(.ended)
            state.run = nil
            running.set(key, false)
        }
    }
}
