/// The state of an operation or of an instance, as LXD numbers it (`shared/api/status_code.go`).
///
/// The numbers are shared: 103 is a running operation and a running instance.
public enum StatusCode: Int, Codable, Sendable, CaseIterable {
    /// An operation was made.
    case operationCreated = 100
    /// Begun.
    case started = 101
    /// An instance that does not run.
    case stopped = 102
    /// An operation under way, or an instance that runs.
    case running = 103
    /// An operation that is being cancelled.
    case cancelling = 104
    /// An operation that has not begun.
    case pending = 105
    /// An instance that is being started.
    case starting = 106
    /// An instance that is being stopped.
    case stopping = 107
    /// An instance whose start or stop broke.
    case aborting = 108
    /// An instance that is being frozen.
    case freezing = 109
    /// An instance whose processes stand still.
    case frozen = 110
    /// An instance that is being thawed.
    case thawed = 111
    /// An instance in an unknown state.
    case error = 112
    /// An instance that says itself it is ready.
    case ready = 113
    /// An operation that ended well.
    case success = 200
    /// An operation that failed.
    case failure = 400
    /// An operation that was cancelled.
    case cancelled = 401

    /// The word on the wire.
    public var name: String {
        switch self {
        case .operationCreated: "Operation created"
        case .started: "Started"
        case .stopped: "Stopped"
        case .running: "Running"
        case .cancelling: "Cancelling"
        case .pending: "Pending"
        case .starting: "Starting"
        case .stopping: "Stopping"
        case .aborting: "Aborting"
        case .freezing: "Freezing"
        case .frozen: "Frozen"
        case .thawed: "Thawed"
        case .error: "Error"
        case .ready: "Ready"
        case .success: "Success"
        case .failure: "Failure"
        case .cancelled: "Cancelled"
        }
    }

    /// Whether an operation in this state changes no more.
    public var isFinal: Bool { rawValue >= 200 }
}
