import CLexLinux
import Glibc

/// The largest message that passes between our processes, in bytes: 16 MiB.
package let largestMessage = 16 << 20

/// One end of the stream socket between lexd and a helper. A message is its length (4 bytes, little-endian) and its
/// bytes; descriptors travel beside the first byte (SCM_RIGHTS, unix(7)).
package struct JobSocket: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    package init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// The descriptor's number, to wait on it.
    package var number: Int32 { descriptor.number }

    /// Whether the other side is gone.
    package var hasHungUp: Bool {
        var question = pollfd(fd: number, events: 0, revents: 0)
        return poll(&question, 1, 0) > 0
    }

    /// Gives the descriptor away: the receiver closes it.
    package consuming func release() -> Int32 { descriptor.release() }

    /// Sends one message, waiting until all of it is written. The descriptors stay the caller's.
    package func send(_ message: some Message, descriptors: [Int32] = []) throws(SystemError) {
        let bytes = framed(message)
        var done = 0
        while done < bytes.count {
            let fds = done == 0 ? descriptors : []
            done += try checked("send to", "the other process") {
                bytes.withUnsafeBytes {
                    lex_send(number, $0.baseAddress?.advanced(by: done), bytes.count - done, fds, fds.count)
                }
            }
        }
    }

    /// Receives one message and the descriptors that came with it, waiting for all of it. Nil when the other side
    /// has closed before a message began.
    package func receive<Value: Message>(_: Value.Type = Value.self) throws -> Received<Value>? {
        var received = Received<Value>.Parts()
        guard var header = try read(4, into: &received, mayEnd: true) else { return nil }
        var length = 0
        while let byte = header.popLast() { length = length << 8 | Int(byte) }
        guard length <= largestMessage else { throw MessageError("it says it has \(length) bytes") }
        guard let body = try read(length, into: &received, mayEnd: false) else {
            throw MessageError("it ends too early")
        }
        var reader = MessageReader(body)
        let value = try Value(from: &reader)
        return Received(value: value, parts: received)
    }

    private func read<Value>(
        _ count: Int, into received: inout Received<Value>.Parts, mayEnd: Bool
    ) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            var fds = [Int32](repeating: -1, count: 8)
            var fdCount = 0
            let got = try checked("receive from", "the other process") {
                bytes.withUnsafeMutableBytes {
                    lex_receive(number, $0.baseAddress?.advanced(by: done), count - done, &fds, fds.count, &fdCount)
                }
            }
            received.numbers.append(contentsOf: fds.prefix(fdCount))
            if got == 0 {
                if mayEnd && done == 0 { return nil }
                throw MessageError("the other process ended in the middle of it")
            }
            done += got
        }
        return bytes
    }
}

/// A message and the descriptors that came with it; those not taken are closed.
package struct Received<Value: Message>: ~Copyable {
    package let value: Value
    private var parts: Parts

    fileprivate struct Parts: ~Copyable {
        var numbers: [Int32] = []
        deinit { for number in numbers { close(number) } }
    }

    fileprivate init(value: Value, parts: consuming Parts) {
        self.value = value
        self.parts = parts
    }

    /// Takes the next descriptor, in the order they were sent; nil when there is none left.
    package mutating func takeDescriptor() -> OwnedDescriptor? {
        parts.numbers.isEmpty ? nil : OwnedDescriptor(taking: parts.numbers.removeFirst())
    }
}
