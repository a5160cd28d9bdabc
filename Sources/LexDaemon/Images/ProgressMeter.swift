import Synchronization

/// Counts of bytes as the text clients show: `12% (3.20MB/s)`, at most five times a second.
final class ProgressMeter: Sendable {
    private let total: UInt64
    private let begin = ContinuousClock.now
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(total: UInt64) { self.total = total }

    /// The text for so many bytes done, or nil when it is too early for another.
    func text(at done: UInt64) -> String? {
        // The number comes from the helper, which may be an attacker's by now.
        let done = total > 0 ? min(done, total) : done
        let now = ContinuousClock.now
        let due = last.withLock { last in
            if let last, now - last < .milliseconds(200) { return false }
            last = now
            return true
        }
        guard due else { return nil }
        let seconds = Double((now - begin).components.attoseconds) / 1e18 + Double((now - begin).components.seconds)
        let hundredths = Int64(min(Double(done) / max(seconds, 0.001) / 10_000, 1e15))
        let fraction = hundredths % 100
        let rate = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)MB/s"
        guard total > 0 else { return rate }
        return "\(total.dividingFullWidth(done.multipliedFullWidth(by: 100)).quotient)% (\(rate))"
    }
}
