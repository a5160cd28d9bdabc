import Glibc
import LexAPI

/// What is the same for the snapshots of instances and of custom volumes.
enum SnapshotRules {
    /// When a snapshot goes that is made now: as it was wished for, where no time at all stands for never, or after the
    /// age of the configuration.
    static func expiry(_ wish: Timestamp?, age: SnapshotAge?, from moment: Timestamp = .now) -> Timestamp? {
        if let wish { return kept(wish) }
        return age.map { $0.after(moment) }
    }

    /// A time as it is kept: the year 1, or the epoch, stands for never.
    static func kept(_ expiry: Timestamp?) -> Timestamp? {
        expiry.flatMap { $0 <= .epoch ? nil : $0 }
    }

    /// Whether the time of a snapshot is over.
    static func isOver(_ expiry: Timestamp?, at moment: Timestamp) -> Bool { expiry.map { $0 <= moment } ?? false }

    /// The name of a snapshot that is given none.
    static func nextName(_ pattern: SnapshotPattern?, taken: [String]) throws(APIError) -> String {
        guard let pattern = pattern ?? SnapshotPattern(configText: "snap%d") else {
            throw .failed("there is no pattern for the names of snapshots")
        }
        return pattern.name(at: CalendarTime(local: .now), taken: taken)
    }

    /// What tells one thing with a schedule from others, always the same.
    static func seed(_ identity: String) -> UInt64 {
        // FNV-1a: Swift's own hashes are others in each process.
        identity.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Calls `body` once for each minute that begins, until the task is cancelled. The minutes that went by while it was at
    /// work come with the next one; after a long sleep of the machine only the last hour's.
    static func everyMinute(_ body: ([Timestamp]) async -> Void) async {
        var last = Timestamp.now.seconds / 60
        while !Task.isCancelled {
            let now = Timestamp.now
            let wait = Duration.nanoseconds((60 - now.seconds % 60) * 1_000_000_000 - now.nanoseconds)
            do { try await Task.sleep(for: wait) } catch { return }
            let minute = Timestamp.now.seconds / 60
            // The clock may have been set back, or the sleep have been short.
            if minute < last { last = minute - 1 }
            guard minute > last else { continue }
            let first = max(last + 1, minute - 59)
            last = minute
            await body((first...minute).map { Timestamp(seconds: $0 * 60) })
        }
    }
}

extension CalendarTime {
    /// A moment by the machine's own time zone.
    init(local moment: Timestamp) {
        var time = time_t(moment.seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        self.init(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
    }
}
