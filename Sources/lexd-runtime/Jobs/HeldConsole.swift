import CLexLinux
import Glibc

/// The last bytes each console said that are kept.
private let keptBytes = 128 << 10

/// How long one who watches and takes nothing may hold an instance's console up.
private let patienceMilliseconds: Int64 = 1000

/// One console: its terminal, what was said on it lately, and who watches it.
///
/// What is said goes into the log and from there to everyone who watches, each at their own pace. One who falls behind
/// by the whole log holds the console up for a moment, as a slow terminal would, and then misses what they did not take:
/// an instance must not stand still because somebody has stopped looking. Everyone who watches may type.
struct HeldConsole {
    let master: Int32
    /// Our own hold on the other side: without one the terminal hangs up whenever the last process inside closes it.
    private let slave: Int32
    private var said: [UInt8] = []
    /// How many bytes were said since it was opened; `said` are the last of them.
    private var total: UInt64 = 0
    /// Where the log begins, as it was last cleared.
    private var cleared: UInt64 = 0
    private(set) var watchers: [Watcher] = []

    /// One who watches.
    struct Watcher {
        let socket: Int32
        /// Up to where it has been told.
        fileprivate var position: UInt64
        /// What was typed and the terminal has no room for yet.
        fileprivate var typed: ArraySlice<UInt8> = []
        /// When it last took something, or had nothing to take.
        fileprivate var tookAt: Int64
    }

    init(master: Int32, slave: Int32) {
        self.master = master
        self.slave = slave
    }

    /// Gives the terminal and everyone who watches it up.
    consuming func end() {
        for watcher in watchers { close(watcher.socket) }
        close(master)
        close(slave)
    }

    private var start: UInt64 { total - UInt64(said.count) }

    /// What was said lately and not cleared.
    var log: [UInt8] {
        let wanted = total - max(start, cleared)
        return Array(said.suffix(min(keptBytes, Int(wanted))))
    }

    mutating func clear() { cleared = total }

    mutating func add(watcher socket: Int32) {
        watchers.append(Watcher(socket: socket, position: total, tookAt: monotonicMilliseconds()))
    }

    mutating func endWatchers() {
        for watcher in watchers { close(watcher.socket) }
        watchers = []
    }

    // MARK: what is waited for

    /// Whether someone who is still taking would miss something by more being said.
    func isHeldUp(_ now: Int64) -> Bool {
        watchers.contains { total - $0.position >= UInt64(keptBytes) && now - $0.tookAt < patienceMilliseconds }
    }

    func wishes(isHeldUp: Bool) -> Int16 {
        Int16((isHeldUp ? 0 : POLLIN) | (watchers.contains { !$0.typed.isEmpty } ? POLLOUT : 0))
    }

    func wishes(of watcher: Watcher) -> Int16 {
        Int16((watcher.typed.isEmpty ? POLLIN : 0) | (watcher.position < total ? POLLOUT : 0))
    }

    // MARK: what has come about

    mutating func terminalIsReady(_ events: Int16) {
        if events & Int16(POLLOUT) != 0 {
            for index in watchers.indices { type(index) }
        }
        if events & ~Int16(POLLOUT) != 0 { listen() }
    }

    mutating func watcherIsReady(_ socket: Int32, _ events: Int16) {
        guard let index = watchers.firstIndex(where: { $0.socket == socket }) else { return }
        if events & Int16(POLLOUT) != 0, !tell(index) { return drop(index) }
        guard events & ~Int16(POLLOUT) != 0 else { return }
        // It has gone while the terminal had no room for what it typed.
        guard watchers[index].typed.isEmpty else { return drop(index) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let got = bytes.withUnsafeMutableBytes { read(socket, $0.baseAddress, $0.count) }
        if got > 0 {
            watchers[index].typed = bytes[..<got]
            type(index)
        } else if got == 0 || (errno != EAGAIN && errno != EINTR) {
            drop(index)
        }
    }

    private mutating func drop(_ index: Int) { close(watchers.remove(at: index).socket) }

    /// Reads what the terminal says.
    private mutating func listen() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        // Nothing may be there any more: a guest can take back what it has written (tcflush(3)) between poll and read.
        let got = bytes.withUnsafeMutableBytes { read(master, $0.baseAddress, $0.count) }
        guard got > 0 else { return }
        let now = monotonicMilliseconds()
        for index in watchers.indices where watchers[index].position == total { watchers[index].tookAt = now }
        said.append(contentsOf: bytes[..<got])
        total += UInt64(got)
        if said.count > 2 * keptBytes { said.removeFirst(said.count - keptBytes) }
    }

    /// Tells one who watches what is new; false when it is gone.
    private mutating func tell(_ index: Int) -> Bool {
        let position = max(watchers[index].position, start)
        let offset = Int(position - start)
        let socket = watchers[index].socket
        let wrote = said.withUnsafeBytes { write(socket, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
        guard wrote >= 0 else { return errno == EAGAIN || errno == EINTR }
        watchers[index].position = position + UInt64(wrote)
        watchers[index].tookAt = monotonicMilliseconds()
        return true
    }

    /// Types what one who watches has typed, as far as the terminal has room for it.
    private mutating func type(_ index: Int) {
        while !watchers[index].typed.isEmpty {
            let wrote = watchers[index].typed.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
            if wrote > 0 {
                watchers[index].typed = watchers[index].typed.dropFirst(wrote)
            } else if wrote < 0, errno == EINTR {
                continue
            } else {
                return
            }
        }
    }
}

/// The time since the machine began, for spans of time.
func monotonicMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}
