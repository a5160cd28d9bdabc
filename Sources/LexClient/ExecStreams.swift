public import LexAPI

/// Where a command's input comes from and where its output goes.
public struct ExecStreams: Sendable {
    /// Where bytes come from.
    public enum Source: Sendable {
        /// Nowhere: the command finds its input at its end.
        case nothing
        /// These, and then the end.
        case bytes([UInt8])
        /// An open descriptor, until its end; it stays the caller's.
        case descriptor(Int32)
    }

    /// Where bytes go.
    public enum Sink: Sendable {
        /// Nowhere.
        case discard
        /// To an open descriptor; it stays the caller's.
        case descriptor(Int32)
        /// To a function, which may take its time: the command waits for it.
        case function(@Sendable ([UInt8]) async throws -> Void)
    }

    /// The command's input.
    public var input: Source
    /// Its output; on a terminal its error output as well.
    public var output: Sink
    /// Its error output, when it does not run on a terminal.
    public var errors: Sink
    /// Sizes of the terminal and signals, as they come.
    public var control: AsyncStream<Instance.ExecControl>

    /// Makes the value; without a control stream the command gets no signals.
    public init(
        input: Source = .nothing, output: Sink = .discard, errors: Sink = .discard,
        control: AsyncStream<Instance.ExecControl> = AsyncStream { $0.finish() }
    ) {
        self.input = input
        self.output = output
        self.errors = errors
        self.control = control
    }
}

/// How a command in an instance ended.
public struct ExecResult: Sendable {
    /// What it returned; 128 and the signal's number when a signal ended it, 127 when there is no such command.
    public let exitCode: Int
    /// Why it could not be run, with the exit codes 126 and 127.
    public let failure: OperationFailure?
}
