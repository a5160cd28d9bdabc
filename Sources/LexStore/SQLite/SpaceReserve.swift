import Glibc

/// Space on the store's disk that is kept for deletions: a file that holds nothing.
struct SpaceReserve: Sendable {
    let path: String
    /// A deletion adds a few pages to SQLite's log of changes, and one may come to bring that log into the file.
    private static let size = 256 << 10

    /// Keeps the space, if there is so much.
    func take() {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        // On a full disk it would keep a part of what it is to give.
        if posix_fallocate(file, 0, Self.size) != 0 { unlink(path) }
    }

    /// Gives the space to whoever comes next.
    func give() { unlink(path) }
}
