import CLexLinux
import Glibc
package import LexIPC

/// A process that need not be a child of ours, held by a pidfd: the number cannot come to mean another one meanwhile.
package final class RunningProcess: Sendable {
    /// Its number.
    package let id: Int32
    private let descriptor: OwnedDescriptor

    /// Takes hold of a process; nil when there is none of that number.
    package init?(_ id: Int32) throws(SystemError) {
        guard id > 0 else { return nil }
        let number = lex_pidfd_open(id)
        if number < 0 {
            if errno == ESRCH { return nil }
            throw SystemError("take hold of", "process \(id)")
        }
        self.id = id
        descriptor = OwnedDescriptor(taking: number)
    }

    /// Whether it has ended, waited for by its parent or not.
    package var hasEnded: Bool {
        var question = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&question, 1, 0) > 0
    }

    /// The path of its program; ` (deleted)` follows when the file was replaced. nil when it has ended.
    package var program: String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { readlink("/proc/\(id)/exe", $0, text.count) } ?? -1
            }
        }
        // Read first, then asked: an answer about a process that still lives is about this one.
        guard count > 0, !hasEnded else { return nil }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    /// The arguments it was started with, its name first; nil when it has ended.
    package var arguments: [String]? {
        guard let text = try? readFile("/proc/\(id)/cmdline"), !hasEnded else { return nil }
        let parts = text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        return parts.last == "" ? parts.dropLast() : parts
    }

    /// Sends a signal; that it has ended already is fine.
    package func signal(_ number: Int32) throws(SystemError) {
        if lex_pidfd_send_signal(descriptor.number, number) != 0, errno != ESRCH {
            throw SystemError("send signal \(number) to", "process \(id)")
        }
    }

    /// Waits for its end.
    package func ended() async throws {
        // A descriptor of its own for each who waits: one descriptor wakes one.
        let own = try descriptor.duplicate()
        try await Readiness.shared.readable(own.number)
    }

    /// Waits for its end, but not longer than `patience`; answers whether it came.
    package func hasEnded(within patience: Duration) async throws -> Bool {
        if hasEnded { return true }
        let own = try descriptor.duplicate()
        return try await Readiness.shared.readable(own.number, within: patience)
    }

    /// Asks it to end by a signal - nil: it does so by itself - and kills it when it has not within `patience`.
    package func end(within patience: Duration, asking number: Int32? = SIGTERM) async throws {
        if let number { try signal(number) }
        if try await !hasEnded(within: patience) {
            try signal(SIGKILL)
            try await ended()
        }
    }

    /// The numbers of all processes.
    package static func all() throws(SystemError) -> [Int32] { try directoryEntries("/proc").compactMap { Int32($0) } }
}
