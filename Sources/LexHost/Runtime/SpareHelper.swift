package import LexIPC
import Synchronization

/// A `lexd-runtime` that is started ahead and waits for its job: loading the program and its libraries is most of the
/// time that a short job takes.
///
/// It holds nothing of anybody's, and ends with lexd: nobody can send it a job any more then.
package final class SpareHelper: Sendable {
    private let program: String
    private struct State {
        var helper: HelperProcess?
        var isStarting = false
        var hasEnded = false
    }
    private let state = Mutex(State())

    /// None is started yet: whoever never needs one shall not have one.
    package init(_ program: String) { self.program = program }

    /// The spare, now with this job; a new one when there is none.
    package func take(title: String, job: RuntimeJob, descriptors: [Int32]) async throws -> HelperProcess {
        let helper = state.withLock { state in
            defer { state.helper = nil }
            return state.helper
        }
        guard let helper, !helper.isHeard else {
            return try await HelperProcess(program, title: title, job: job, descriptors: descriptors)
        }
        try helper.give(job, descriptors)
        return helper
    }

    /// Starts another in the background, unless there is one.
    package func refill() {
        let isWanted = state.withLock { state in
            guard state.helper == nil, !state.isStarting, !state.hasEnded else { return false }
            state.isStarting = true
            return true
        }
        guard isWanted else { return }
        Task {
            let helper = try? await HelperProcess(waiting: program)
            let isLate = state.withLock { state in
                state.isStarting = false
                if state.hasEnded { return true }
                state.helper = helper
                return false
            }
            if isLate { helper?.hangUp() }
        }
    }

    /// Lets it end, and waits for that.
    package func end() async {
        let helper = state.withLock { state in
            state.hasEnded = true
            defer { state.helper = nil }
            return state.helper
        }
        helper?.hangUp()
        await helper?.end()
    }
}
