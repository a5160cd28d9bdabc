import CLexLinux
import Glibc
import LexIPC

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
    // A watcher may be gone when it is written to.
    signal(SIGPIPE, SIG_IGN)
    try socket.send(RuntimeReply.done)
    var holder = ConsoleHolder(listener: OwnedDescriptor(taking: listener))
    while holder.serveOnce() {}
    unlink(job.socketPath)
}

private struct ConsoleHolder: ~Copyable {
    private let listener: OwnedDescriptor
    private var consoles: [String: HeldConsole] = [:]
    private var peer: Int32 = -1

    init(listener: consuming OwnedDescriptor) { self.listener = listener }

    /// What stands behind an entry of the list that is waited for.
    private enum Source {
        case terminal(String)
        case watcher(String, Int32)
    }

    /// Waits for something to do and does it; false when it is asked to end.
    mutating func serveOnce() -> Bool {
        var watched = [pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)]
        watched.append(pollfd(fd: peer, events: Int16(POLLIN), revents: 0))
        var sources: [Source] = []
        let now = monotonicMilliseconds()
        var patience: Int32 = -1
        for (name, console) in consoles {
            let isHeldUp = console.isHeldUp(now)
            if isHeldUp { patience = 100 }
            watched.append(pollfd(fd: console.master, events: console.wishes(isHeldUp: isHeldUp), revents: 0))
            sources.append(.terminal(name))
            for watcher in console.watchers {
                watched.append(pollfd(fd: watcher.socket, events: console.wishes(of: watcher), revents: 0))
                sources.append(.watcher(name, watcher.socket))
            }
        }
        guard poll(&watched, nfds_t(watched.count), patience) > 0 else { return true }
        for (source, entry) in zip(sources, watched.dropFirst(2)) where entry.revents != 0 {
            switch source {
            case .terminal(let name): consoles[name]?.terminalIsReady(entry.revents)
            case .watcher(let name, let socket): consoles[name]?.watcherIsReady(socket, entry.revents)
            }
        }
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

    /// Answers one request; false when it is asked to end and holds nothing.
    private mutating func answer() -> Bool {
        let socket = JobSocket(OwnedDescriptor(taking: peer))
        peer = -1
        guard let received = try? socket.receive(ConsoleRequest.self) else { return true }
        do {
            switch received.value {
            case .open(let instance, let owner):
                try socket.send(ConsoleReply.opened(path: try open(instance, owner)))
            case .close(let instance):
                consoles.removeValue(forKey: instance)?.end()
                try socket.send(ConsoleReply.done)
            case .log(let instance): try socket.send(ConsoleReply.log(consoles[instance]?.log ?? []))
            case .clear(let instance):
                consoles[instance]?.clear()
                try socket.send(ConsoleReply.done)
            case .attach(let instance, let alone): try attach(instance, alone, socket)
            case .resize(let instance, let columns, let rows):
                let master = try console(instance).master
                try checked("set the size of", "the console of \(instance)") {
                    lex_set_window_size(master, UInt16(clamping: rows), UInt16(clamping: columns))
                }
                try socket.send(ConsoleReply.done)
            case .end:
                try socket.send(ConsoleReply.done)
                if consoles.isEmpty { return false }
            }
        } catch let error as SystemError {
            try? socket.send(ConsoleReply.failed(RuntimeFailure(error)))
        } catch let failure as RuntimeFailure {
            try? socket.send(ConsoleReply.failed(failure))
        } catch {}
        peer = socket.release()
        return true
    }

    private func console(_ instance: String) throws(RuntimeFailure) -> HeldConsole {
        guard let console = consoles[instance] else {
            throw RuntimeFailure(
                call: "find", subject: "the console of \(instance)",
                detail: "its terminal is gone, as it is when the holder of the consoles was ended. The instance gets "
                    + "a new one at its next start")
        }
        return console
    }

    private mutating func attach(_ instance: String, _ alone: Bool, _ socket: borrowing JobSocket) throws {
        _ = try console(instance)
        let ends = try OwnedDescriptor.socketPair()
        let theirs = OwnedDescriptor(taking: ends.theirs)
        guard fcntl(ends.ours, F_SETFL, O_RDWR | O_NONBLOCK) == 0 else {
            close(ends.ours)
            throw SystemError("set the flags of", "a socket")
        }
        if alone { consoles[instance]?.endWatchers() }
        consoles[instance]?.add(watcher: ends.ours)
        try socket.send(ConsoleReply.done, descriptors: [theirs.number])
    }

    private mutating func open(_ instance: String, _ owner: UInt32) throws(SystemError) -> String {
        consoles.removeValue(forKey: instance)?.end()
        var master: Int32 = -1
        var slave: Int32 = -1
        try checked("open", "a console terminal") { lex_open_terminal(&master, &slave) }
        let number = lex_terminal_number(master)
        // The instance's root must be able to open it as its /dev/console, and login(1) there to give it to whoever
        // logs in: the kernel lets it only when the group is one of the instance's too. And one console must never
        // keep us from all others, so its reads do not wait.
        guard number >= 0, fchown(slave, owner, owner) == 0, fchmod(slave, 0o600) == 0,
            fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) == 0
        else {
            let error = SystemError("prepare", "a console terminal")
            close(master)
            close(slave)
            throw error
        }
        consoles[instance] = HeldConsole(master: master, slave: slave)
        return "/dev/pts/\(number)"
    }
}
