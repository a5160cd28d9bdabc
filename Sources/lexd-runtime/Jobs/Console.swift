import CLexLinux
import Glibc
import LexIPC

/// The last bytes each console said that are kept.
private let keptBytes = 128 << 10

/// Holds the console terminals of all instances and reads them, so that no instance ever waits for a full one.
///
/// lexd comes and goes; this process stays and is found again by its socket.
func holdConsoles(_ job: ConsoleJob, _ socket: borrowing JobSocket) throws {
    var listener = lex_listen_unix(job.socketPath)
    if listener < 0 && errno == EADDRINUSE {
        let other = lex_connect_unix(job.socketPath)
        if other >= 0 {
            close(other)
            throw RuntimeFailure(call: "listen on", subject: job.socketPath, code: EADDRINUSE)
        }
        // Nobody answers: the socket of a holder that was killed.
        unlink(job.socketPath)
        listener = lex_listen_unix(job.socketPath)
    }
    guard listener >= 0 else { throw SystemError("listen on", job.socketPath) }
    try socket.send(RuntimeReply.done)
    var holder = ConsoleHolder(listener: OwnedDescriptor(taking: listener))
    while holder.serveOnce() {}
    unlink(job.socketPath)
}

private struct Console {
    let master: Int32
    /// Our own hold on the other side: without one the terminal hangs up whenever the last process inside closes it.
    let slave: Int32
    var said: [UInt8] = []
}

private struct ConsoleHolder: ~Copyable {
    private let listener: OwnedDescriptor
    private var consoles: [String: Console] = [:]
    private var peer: Int32 = -1

    init(listener: consuming OwnedDescriptor) { self.listener = listener }

    /// Waits for something to do and does it; false when it is asked to end.
    mutating func serveOnce() -> Bool {
        let names = Array(consoles.keys)
        var watched = [pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)]
        watched.append(pollfd(fd: peer, events: Int16(POLLIN), revents: 0))
        for name in names {
            watched.append(pollfd(fd: consoles[name]?.master ?? -1, events: Int16(POLLIN), revents: 0))
        }
        guard poll(&watched, nfds_t(watched.count), -1) > 0 else { return true }
        for (name, entry) in zip(names, watched.dropFirst(2)) where entry.revents != 0 { read(name) }
        if watched[1].revents != 0, !answer() { return false }
        if watched[0].revents != 0 {
            // The newest lexd is the one that matters; there is only one at a time.
            let new = lex_accept(listener.number)
            if new >= 0 {
                if peer >= 0 { close(peer) }
                peer = new
            }
        }
        return true
    }

    private mutating func read(_ name: String) {
        guard var console = consoles.removeValue(forKey: name) else { return }
        var bytes = [UInt8](repeating: 0, count: 4096)
        // Nothing may be there any more: a guest can take back what it has written (tcflush(3)) between poll and read.
        let got = bytes.withUnsafeMutableBytes { Glibc.read(console.master, $0.baseAddress, $0.count) }
        if got > 0 {
            console.said.append(contentsOf: bytes[..<got])
            if console.said.count > 2 * keptBytes { console.said.removeFirst(console.said.count - keptBytes) }
        }
        consoles[name] = console
    }

    /// Answers one request; false when it is asked to end and holds nothing.
    private mutating func answer() -> Bool {
        let socket = JobSocket(OwnedDescriptor(taking: peer))
        peer = -1
        guard let received = try? socket.receive(ConsoleRequest.self) else { return true }
        switch received.value {
        case .open(let instance, let owner):
            do {
                try reply(.opened(path: try open(instance, owner)), socket)
            } catch let error as SystemError {
                try? reply(.failed(RuntimeFailure(error)), socket)
            } catch {}
        case .close(let instance):
            drop(instance)
            try? reply(.done, socket)
        case .log(let instance):
            try? reply(.log(Array(consoles[instance]?.said.suffix(keptBytes) ?? [])), socket)
        case .end:
            try? reply(.done, socket)
            if consoles.isEmpty { return false }
        }
        peer = socket.release()
        return true
    }

    private func reply(_ reply: ConsoleReply, _ socket: borrowing JobSocket) throws { try socket.send(reply) }

    private mutating func open(_ instance: String, _ owner: UInt32) throws(SystemError) -> String {
        drop(instance)
        var master: Int32 = -1
        var slave: Int32 = -1
        try checked("open", "a console terminal") { lex_open_terminal(&master, &slave) }
        let console = Console(master: master, slave: slave)
        let number = lex_terminal_number(master)
        // The instance's root must be able to open it as its /dev/console. And one console must never keep us from all
        // others, so its reads do not wait.
        guard number >= 0, fchown(slave, owner, gid_t.max) == 0, fchmod(slave, 0o600) == 0,
            fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) == 0
        else {
            let error = SystemError("prepare", "a console terminal")
            close(master)
            close(slave)
            throw error
        }
        consoles[instance] = console
        return "/dev/pts/\(number)"
    }

    private mutating func drop(_ instance: String) {
        guard let console = consoles.removeValue(forKey: instance) else { return }
        close(console.master)
        close(console.slave)
    }
}
