/// How long to wait before something that ends by itself is started again: not at all the first time, then half a second,
/// and twice as long each time up to a minute. What has run for ten seconds begins anew.
///
///     var pause = RestartPause()
///     pause.began()
///     try await process.ended()
///     pause.ended()
///     try await pause.wait()
package struct RestartPause: Sendable {
    private var pause = Duration.zero
    private var begin = ContinuousClock.now

    package init() {}

    /// It runs.
    package mutating func began() { begin = .now }

    /// It has ended.
    package mutating func ended() {
        if begin.duration(to: .now) > .seconds(10) { pause = .zero }
    }

    /// Waits as long as is due by now; throws when its task is cancelled.
    package mutating func wait() async throws {
        if pause > .zero { try await Task.sleep(for: pause) }
        pause = min(max(pause * 2, .milliseconds(500)), .seconds(60))
    }
}
