package import LexAPI

/// The life of one instance as a value: which wish is possible when, and what it leads to.
///
///     stopped ── start ──▶ starting ──▶ running ◀── unfreeze ── frozen
///        ▲                                 │  └───── freeze ──────▲
///        └────────── the end is seen ──────┴──────── stopping ◀────┘
package struct Lifecycle: Sendable, Equatable {
    package enum Phase: Sendable, Equatable {
        case stopped
        case starting
        case running
        case frozen
        /// Its end was asked for.
        case stopping
    }

    /// Where it is.
    package private(set) var phase: Phase

    package init(_ phase: Phase = .stopped) { self.phase = phase }

    /// What someone wishes.
    package enum Wish: Sendable, Equatable {
        case start
        /// A clean end, or a kill.
        case stop(force: Bool)
        case freeze
        case unfreeze
        case delete
        /// Another name, pool or project.
        case rename
        case exec
    }

    /// What has to be done for a wish.
    package enum Action: Sendable, Equatable {
        /// Nothing more: it may be done.
        case proceed
        /// Thaw it first: frozen processes take no signal.
        case thawFirst
    }

    /// Takes a wish, or throws why it is not possible; the words are LXD's.
    package mutating func wish(_ wish: Wish) throws(APIError) -> Action {
        switch (wish, phase) {
        case (.start, .stopped):
            phase = .starting
            return .proceed
        case (.start, .starting), (.start, .running), (.start, .frozen):
            throw .badRequest("The instance is already running")
        case (.start, .stopping):
            throw .badRequest("The instance is being stopped: wait until it has stopped")
        case (.stop, .stopped), (.stop, .starting):
            throw .badRequest("The instance is already stopped")
        case (.stop, .running), (.stop, .stopping):
            phase = .stopping
            return .proceed
        case (.stop, .frozen):
            phase = .stopping
            return .thawFirst
        case (.freeze, .running):
            phase = .frozen
            return .proceed
        case (.freeze, .frozen): throw .badRequest("The container is already frozen")
        case (.freeze, _): throw .badRequest("The container isn't running")
        case (.unfreeze, .frozen):
            phase = .running
            return .proceed
        case (.unfreeze, .running): throw .badRequest("The container is already running")
        case (.unfreeze, _): throw .badRequest("The container isn't running")
        case (.delete, .stopped): return .proceed
        case (.delete, _): throw .badRequest("Instance is running")
        case (.rename, .stopped): return .proceed
        case (.rename, _): throw .badRequest("Renaming of running container not allowed")
        case (.exec, .running), (.exec, .stopping): return .proceed
        case (.exec, .frozen): throw .badRequest("Instance is frozen")
        case (.exec, _): throw .badRequest("Instance is not running")
        }
    }

    /// What has happened.
    package enum Event: Sendable, Equatable {
        case started
        case startFailed
        /// A clean end did not come in time: it runs on.
        case stopTimedOut
        /// Its processes have ended; what was made for it is put away now.
        case ending
        case ended
        /// A freeze or thaw could not be done.
        case freezeFailed
        case thawFailed
    }

    package mutating func happened(_ event: Event) {
        switch event {
        case .started, .stopTimedOut, .freezeFailed: phase = .running
        case .ending: phase = .stopping
        case .startFailed, .ended: phase = .stopped
        case .thawFailed: phase = .frozen
        }
    }

    /// The state on the wire. One that is being stopped still runs, as LXD says it.
    package var status: StatusCode {
        switch phase {
        case .stopped, .starting: .stopped
        case .running, .stopping: .running
        case .frozen: .frozen
        }
    }
}
