import Synchronization

/// Says how far a transfer is: `42% (12.34MB/s)`, or `12.34MB (…)` when it is not known how much there is.
final class TransferProgress: Sendable {
    private let began = ContinuousClock.now

    func text(done: Int64, total: Int64?) -> String {
        let elapsed = began.duration(to: .now)
        return Self.text(done: done, total: total, elapsed: elapsed)
    }

    static func text(done: Int64, total: Int64?, elapsed: Duration) -> String {
        let seconds =
            Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1_000_000_000_000_000_000
        let rate = seconds > 0 ? Double(done) / seconds : 0
        let speed = Int64(exactly: rate.rounded()).map { Quantities.decimalSize($0) } ?? "?B"
        guard let total, total > 0 else { return "\(Quantities.decimalSize(done)) (\(speed)/s)" }
        let percent = Int((Double(done) / Double(total) * 100).rounded(.down))
        return "\(percent)% (\(speed)/s)"
    }
}
