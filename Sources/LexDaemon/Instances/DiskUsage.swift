import Synchronization

/// How much disk each instance uses, counted in the background: whoever asks gets the last count, and starts a new one
/// when that is old.
final class DiskUsage: Sendable {
    private struct Count {
        var bytes: Int64?
        var countedAt: ContinuousClock.Instant?
        var isUnderWay = false
    }
    private let counts = Mutex<[String: Count]>([:])

    /// How old a count may be before a new one is begun.
    private static let freshness = Duration.seconds(30)

    /// The last count; nil when there has been none.
    func usage(of key: String, measure: @escaping @Sendable () async throws -> Int64) -> Int64? {
        let (bytes, isDue) = counts.withLock { counts -> (Int64?, Bool) in
            var count = counts[key] ?? Count()
            let isOld = count.countedAt.map { ContinuousClock.now - $0 > Self.freshness } ?? true
            let isDue = isOld && !count.isUnderWay
            if isDue { count.isUnderWay = true }
            counts[key] = count
            return (count.bytes, isDue)
        }
        if isDue {
            // A task of its own: nobody waits for it, and it only reads.
            Task {
                let counted = try? await measure()
                self.counts.withLock { counts in
                    guard counts[key] != nil else { return }
                    counts[key] = Count(bytes: counted ?? bytes, countedAt: .now)
                }
            }
        }
        return bytes
    }

    func forget(_ key: String) { counts.withLock { $0[key] = nil } }
}
