// timespec is first seen in libarchive's headers, so it is theirs to Swift.
import CArchive
import CLexLinux
import Glibc
import LexIPC

/// Hands in gloves: reads one archive nobody trusts, as one process, and ends.
///
/// It is started confined (lexd-runtime's Jobs/Confine.swift): descriptor 0 is the archive, 1 the socket to lexd, `/t`
/// the only directory it can change. What a broken rule leaves behind in `/t` is removed by whoever asked.
@main
enum Main {
    static func main() {
        // Before the first byte: the loader has done its work, so no more code is ever mapped.
        guard lex_install_archive_seccomp() == 0 else { exit(70) }
        let replies = Replies(socket: JobSocket(OwnedDescriptor(taking: 1)))
        do {
            guard var job = try replies.socket.receive(ArchiveJob.self) else { exit(0) }
            try replies.send(.done(try run(&job, replies)))
        } catch let refusal as Refusal {
            replies.last(.refused(refusal.sentence))
        } catch let error as SystemError {
            replies.last(.failed(RuntimeFailure(error)))
        } catch {
            replies.last(.failed(RuntimeFailure(call: "read", subject: "the job", detail: "\(error)")))
        }
    }

    private static func run(_ job: inout Received<ArchiveJob>, _ replies: Replies) throws -> ArchiveResult {
        switch job.value {
        case .unpackImage(let limits):
            return try unpackImage(limits, root: job.takeDescriptor(), replies)
        case .composeImage(let composition):
            guard let output = job.takeDescriptor() else { throw SystemError("write", "the image", code: EBADF) }
            return try composeImage(composition, output: output, replies)
        }
    }
}

/// The answers to lexd.
final class Replies {
    let socket: JobSocket
    private var nextProgress: Int64 = 0

    init(socket: consuming JobSocket) { self.socket = socket }

    func send(_ reply: ArchiveReply) throws { try socket.send(reply) }

    /// Sends the answer after which the process ends.
    func last(_ reply: ArchiveReply) { try? socket.send(reply) }

    /// Says how much of the archive is read, at most five times in a second.
    func progress(_ bytes: UInt64) throws {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let milliseconds = Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
        guard milliseconds >= nextProgress else { return }
        nextProgress = milliseconds + 200
        try socket.send(ArchiveReply.progress(bytes))
    }
}
