import CLexLinux
import Glibc
import LexIPC
import Synchronization

/// What is said between lexd and one confined program. Its side is never waited for with a thread: it may be an
/// attacker that sends half a message and sleeps.
final class ArchiveConversation: Sendable {
    /// How it ended.
    enum Outcome: Sendable {
        /// The program's last answer, if it gave one, and what the launcher says of its end.
        case ended(ArchiveReply?, RuntimeReply?)
        case timeLimit
        case malformed(String)
        case failed(any Error)
    }

    /// The longest answer: a `metadata.yaml` of 1 MiB and the warnings.
    private static let longestReply = 2 << 20
    /// The most answers; an honest program gives five in a second.
    private static let mostReplies = 200_000

    private let socket: OwnedDescriptor
    private let progress: @Sendable (UInt64) -> Void

    init(_ socket: consuming OwnedDescriptor, progress: @escaping @Sendable (UInt64) -> Void) {
        self.socket = socket
        self.progress = progress
    }

    /// Sends the job, hears the answers, and waits for the program's end, but not beyond the limit.
    func run(
        _ job: ArchiveJob, _ descriptors: [Int32], _ launcher: HelperProcess, _ limit: Duration
    ) async -> Outcome {
        await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await self.converse(job, descriptors, launcher) }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .timeLimit
            }
            let outcome = await group.next() ?? .timeLimit
            // A conversation that is not over ends when the launcher ends the program.
            launcher.hangUp()
            group.cancelAll()
            return outcome
        }
    }

    private func converse(_ job: ArchiveJob, _ descriptors: [Int32], _ launcher: HelperProcess) async -> Outcome {
        do {
            var answer: ArchiveReply?
            do {
                try await send(job, descriptors)
            } catch let error as SystemError where error.code == EPIPE || error.code == ECONNRESET {
                // It ended, but may have answered before.
            }
            do {
                answer = try await lastReply()
            } catch let error as SystemError where error.code == ECONNRESET {
                // It ended; why is for the launcher to say.
            }
            guard let launch = try await launcher.reply(RuntimeReply.self) else { return .ended(answer, nil) }
            return .ended(answer, launch.value)
        } catch let error as MessageError {
            return .malformed(error.description)
        } catch {
            return .failed(error)
        }
    }

    private func send(_ job: ArchiveJob, _ descriptors: [Int32]) async throws {
        let flags = try checked("read the flags of", "a socket") { fcntl(socket.number, F_GETFL) }
        try checked("set the flags of", "a socket") { fcntl(socket.number, F_SETFL, flags | O_NONBLOCK) }
        let bytes = framed(job)
        var done = 0
        while done < bytes.count {
            let fds = done == 0 ? descriptors : []
            let sent = bytes.withUnsafeBytes {
                lex_send(socket.number, $0.baseAddress?.advanced(by: done), bytes.count - done, fds, fds.count)
            }
            if sent >= 0 {
                done += sent
            } else {
                guard errno == EAGAIN else { throw SystemError("send to", "lexd-archive") }
                try await Readiness.shared.writable(socket.number)
            }
        }
    }

    /// Hears answers until the last one; nil when there was none before its end.
    private func lastReply() async throws -> ArchiveReply? {
        var buffer = MessageBuffer(limit: Self.longestReply)
        var chunk = [UInt8](repeating: 0, count: 65536)
        var replies = 0
        while true {
            while let reply = try buffer.next(ArchiveReply.self) {
                replies += 1
                guard replies <= Self.mostReplies else { throw MessageError("there are too many answers") }
                guard case .progress(let bytes) = reply else { return reply }
                progress(bytes)
            }
            let got = chunk.withUnsafeMutableBytes { lex_receive_bytes(socket.number, $0.baseAddress, $0.count) }
            if got > 0 {
                buffer.append(chunk[..<got])
            } else if got == 0 {
                guard buffer.isEmpty else { throw MessageError("it ends too early") }
                return nil
            } else {
                guard errno == EAGAIN else { throw SystemError("receive from", "lexd-archive") }
                try await Readiness.shared.readable(socket.number)
            }
        }
    }
}
