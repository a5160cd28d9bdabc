import Glibc
import LexClient

/// What is printed for the person or the script that called.
enum StandardOutput {
    static func write(_ text: String) throws { try write(text, to: 1) }
    static func line(_ text: String) throws { try write(text + "\n", to: 1) }

    /// A value as a YAML document.
    static func yaml(_ value: some Encodable) throws { try write(YAMLText.document(Tree(value)), to: 1) }

    fileprivate static func write(_ text: String, to descriptor: Int32) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let wrote = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if wrote >= 0 {
                rest = rest.dropFirst(wrote)
            } else if errno == EAGAIN {
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wanted, 1, -1)
            } else if errno == EPIPE {
                throw ClientError.nobodyReads
            } else if errno != EINTR {
                throw Failure("Cannot write the output: \(String(cString: strerror(errno)))")
            }
        }
    }
}

/// What is said beside the output: errors, progress, and what was done.
enum StandardError {
    /// Errors of writing an error have nowhere to go.
    static func write(_ text: String) { try? StandardOutput.write(text, to: 2) }
    static func line(_ text: String) { write(text + "\n") }
}

/// Something that a command cannot do; the sentence is for the person who called.
struct Failure: Error, CustomStringConvertible, Equatable {
    let description: String
    init(_ description: String) { self.description = description }
}
