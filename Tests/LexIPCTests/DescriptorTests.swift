import CLexLinux
import Glibc
import LexIPC
import LexTestKit
import Testing

/// Whether the number is an open descriptor of this process.
private func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }

private func pipeEnds() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    try checked("make", "a pipe") { lex_pipe(&ends) }
    return (ends[0], ends[1])
}

/// Whether the other end of a pipe or socket is closed, without waiting.
private func isAtEnd(_ number: Int32) -> Bool {
    var question = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    guard poll(&question, 1, 0) > 0 else { return false }
    var byte: UInt8 = 0
    return read(number, &byte, 1) == 0
}

private func sockets() throws -> Sockets {
    let pair = try OwnedDescriptor.socketPair()
    return Sockets(
        ours: JobSocket(OwnedDescriptor(taking: pair.ours)), theirs: JobSocket(OwnedDescriptor(taking: pair.theirs)))
}

private struct Sockets: ~Copyable {
    let ours: JobSocket
    let theirs: JobSocket

    /// Closes our end.
    consuming func hangUp() -> JobSocket {
        close(ours.release())
        return theirs
    }
}

/// The first descriptor of the next message; the message goes.
private func takeFirst(_ socket: borrowing JobSocket) throws -> OwnedDescriptor? {
    guard var received = try socket.receive(RuntimeReply.self) else { return nil }
    return received.takeDescriptor()
}

extension Optional where Wrapped: ~Copyable {
    /// Whether there is nothing; `==` wants what can be copied.
    fileprivate var isNone: Bool {
        switch self {
        case .none: true
        case .some: false
        }
    }
}

@Suite struct ProcessTests {
    @Test func parents() throws {
        #expect(try parentProcess(of: getpid()) == getppid())
        let error = #expect(throws: SystemError.self) { try parentProcess(of: .max) }
        #expect(error?.code == ENOENT)
    }
}

@Suite struct OwnedDescriptorTests {
    // The numbers of this process are shared with the tests that run beside this one: only ends of pipes of our own,
    // seen from their other side, tell what was closed.
    @Test func closesWithItsOwner() throws {
        let ends = try pipeEnds()
        defer { close(ends.read) }
        do {
            let owner = OwnedDescriptor(taking: ends.write)
            #expect(owner.number == ends.write && !isAtEnd(ends.read))
        }
        #expect(isAtEnd(ends.read))
    }

    @Test func givesItsNumberAway() throws {
        let ends = try pipeEnds()
        defer { close(ends.read) }
        let number = OwnedDescriptor(taking: ends.write).release()
        #expect(number == ends.write && isOpen(number) && !isAtEnd(ends.read))
        close(number)
        #expect(isAtEnd(ends.read))
    }

    @Test func duplicates() throws {
        let ends = try pipeEnds()
        let reader = OwnedDescriptor(taking: ends.read)
        do {
            let second: OwnedDescriptor
            do {
                let first = OwnedDescriptor(taking: ends.write)
                second = try first.duplicate()
                #expect(second.number != first.number)
            }
            #expect(fcntl(second.number, F_GETFD) & FD_CLOEXEC != 0)
            try second.writeAll([7], to: "pipe")
        }
        #expect(try reader.readAll(limit: 10, of: "pipe") == [7])
    }

    @Test func everyOneIsCloseOnExec() throws {
        let file = try OwnedDescriptor.open("/proc/self/status", O_RDONLY)
        #expect(fcntl(file.number, F_GETFD) & FD_CLOEXEC != 0)
        let pair = try OwnedDescriptor.socketPair()
        for number in [pair.ours, pair.theirs] {
            #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
            close(number)
        }
    }

    @Test func readsUpToItsLimit() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/file"
            let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
            try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL).writeAll(bytes, to: path)
            #expect(try OwnedDescriptor.open(path, O_RDONLY).readAll(limit: 200_000, of: path) == bytes)
            let error = #expect(throws: SystemError.self) {
                try OwnedDescriptor.open(path, O_RDONLY).readAll(limit: 199_999, of: path)
            }
            #expect(error == SystemError("read", path, code: EFBIG))
            #expect(throws: SystemError.self) { _ = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL) }
            #expect(throws: SystemError.self) { _ = try OwnedDescriptor.directory(path) }
            try writeKernelFile(path, "x")
            let changed = try OwnedDescriptor.open(path, O_RDONLY).readAll(limit: 200_000, of: path)
            #expect(changed == [UInt8(ascii: "x")] + bytes.dropFirst())
        }
    }

    @Test func errorsNameCallAndSubject() {
        let error = #expect(throws: SystemError.self) { try readFile("/nonexistent/file") }
        #expect(error?.description == "cannot open /nonexistent/file: No such file or directory")
        #expect(throws: SystemError.self) { try writeKernelFile("/nonexistent/file", "1") }
    }

    @Test func interruptedCallsAreRepeated() throws {
        var calls = 0
        let result = try checked("wait for", "it") {
            calls += 1
            errno = EINTR
            return calls < 3 ? -1 : 5
        }
        #expect(result == 5 && calls == 3)
        let error = #expect(throws: SystemError.self) {
            try checked("mount", "/x") {
                errno = EBUSY
                return -1
            }
        }
        #expect(error == SystemError("mount", "/x", code: EBUSY))
    }

    @Test func failuresSaySo() {
        #expect(RuntimeFailure(call: "do", subject: "it").description == "cannot do it")
        #expect(
            RuntimeFailure(call: "open", subject: "/x", code: ENOENT, detail: "why").description
                == "cannot open /x: No such file or directory: why")
        #expect(
            RuntimeFailure(SystemError("mount", "/x", code: EBUSY)).description
                == "cannot mount /x: Device or resource busy")
        #expect(IDRange(inside: 0, host: 1000, count: 5).line == "0 1000 5")
    }
}

@Suite struct JobSocketTests {
    @Test func messagesFollowEachOther() throws {
        let ends = try sockets()
        try ends.ours.send(RuntimeReply.exited(1))
        try ends.ours.send(RuntimeReply.exited(2))
        for wanted in [Int32(1), 2] {
            guard let received = try ends.theirs.receive(RuntimeReply.self), case .exited(let code) = received.value
            else {
                Issue.record("no message")
                return
            }
            #expect(code == wanted)
        }
        let theirs = ends.hangUp()
        if let _ = try theirs.receive(RuntimeReply.self) { Issue.record("a message after the end") }
    }

    @Test func descriptorsTravelInTheirOrder() throws {
        let ends = try sockets()
        let pipes = try (0..<8).map { _ in try pipeEnds() }
        try ends.ours.send(RuntimeReply.attached, descriptors: pipes.map(\.write))
        for pipe in pipes { close(pipe.write) }
        guard var received = try ends.theirs.receive(RuntimeReply.self) else {
            Issue.record("no message")
            return
        }
        for (index, _) in pipes.enumerated() {
            guard let descriptor = received.takeDescriptor() else {
                Issue.record("descriptor \(index) is missing")
                return
            }
            #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
            try descriptor.writeAll([UInt8(index)], to: "pipe")
        }
        let isLast = received.takeDescriptor().isNone
        #expect(isLast)
        for (index, pipe) in pipes.enumerated() {
            let reader = OwnedDescriptor(taking: pipe.read)
            #expect(try reader.readAll(limit: 10, of: "pipe") == [UInt8(index)])
        }
    }

    @Test func tooManyDescriptorsAreAnErrorOfTheSender() throws {
        let ends = try sockets()
        let numbers = [Int32](repeating: 0, count: 9)
        let error = #expect(throws: SystemError.self) { try ends.ours.send(RuntimeReply.done, descriptors: numbers) }
        #expect(error?.code == EINVAL)
    }

    @Test func whatIsNotTakenIsClosed() throws {
        let ends = try sockets()
        let first = try pipeEnds()
        let second = try pipeEnds()
        defer {
            close(first.read)
            close(second.read)
        }
        try ends.ours.send(RuntimeReply.done, descriptors: [first.write, second.write])
        close(first.write)
        close(second.write)
        guard let kept = try takeFirst(ends.theirs) else {
            Issue.record("no descriptor")
            return
        }
        #expect(isAtEnd(second.read) && !isAtEnd(first.read))
        try kept.writeAll([1], to: "pipe")
    }

    /// A message that is none must not leave its descriptors open.
    @Test func descriptorsOfAMalformedMessageAreClosed() throws {
        let ends = try sockets()
        let pipe = try pipeEnds()
        defer { close(pipe.read) }
        for bytes in [[8, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 255]] as [[UInt8]] {
            let sent = bytes.withUnsafeBytes { lex_send(ends.ours.number, $0.baseAddress, $0.count, [pipe.write], 1) }
            #expect(sent == bytes.count)
            #expect(throws: MessageError.self) { _ = try ends.theirs.receive(RuntimeReply.self) }
        }
        close(pipe.write)
        #expect(isAtEnd(pipe.read))
    }

    @Test func descriptorsBesideALaterByteArriveToo() throws {
        let ends = try sockets()
        let pipe = try pipeEnds()
        defer { close(pipe.read) }
        let bytes = framed(RuntimeReply.done)
        _ = bytes[..<7].withUnsafeBytes { lex_send(ends.ours.number, $0.baseAddress, $0.count, nil, 0) }
        _ = bytes[7...].withUnsafeBytes { lex_send(ends.ours.number, $0.baseAddress, $0.count, [pipe.write], 1) }
        close(pipe.write)
        guard var received = try ends.theirs.receive(RuntimeReply.self) else {
            Issue.record("no message")
            return
        }
        let isThere = !received.takeDescriptor().isNone
        let isLast = received.takeDescriptor().isNone
        #expect(isThere && isLast)
    }

    @Test func anEndInTheMiddleIsAnError() throws {
        let bytes = framed(RuntimeReply.failed(Samples.failure))
        for count in 1..<bytes.count {
            let ends = try sockets()
            _ = bytes[..<count].withUnsafeBytes { lex_send(ends.ours.number, $0.baseAddress, $0.count, nil, 0) }
            let theirs = ends.hangUp()
            #expect(throws: MessageError.self, "cut to \(count)") { _ = try theirs.receive(RuntimeReply.self) }
        }
    }

    @Test func largeMessagesPass() async throws {
        let pair = try OwnedDescriptor.socketPair()
        let text = String(repeating: "0123456789abcdef", count: 300_000)
        async let sent: Void = onThread {
            try JobSocket(OwnedDescriptor(taking: pair.ours)).send(ArchiveReply.refused(text))
        }
        let arrived = try await onThread {
            let theirs = JobSocket(OwnedDescriptor(taking: pair.theirs))
            guard let received = try theirs.receive(ArchiveReply.self), case .refused(let text) = received.value else {
                return ""
            }
            return text
        }
        try await sent
        #expect(arrived == text)
    }

    @Test func aReceiverThatIsGoneIsAnErrorAndNoSignal() throws {
        let pair = try OwnedDescriptor.socketPair()
        close(pair.theirs)
        let ours = JobSocket(OwnedDescriptor(taking: pair.ours))
        let error = #expect(throws: SystemError.self) { try ours.send(RuntimeReply.done) }
        #expect(error?.code == EPIPE)
    }
}
