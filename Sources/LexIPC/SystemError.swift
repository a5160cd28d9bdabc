import Glibc

/// A call to the kernel or to a C library that failed: which one, on what, and the error number it gave.
package struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The name of the call as its manual page is called, for example `mount`.
    package let call: String
    /// What the call was made on: a path, a name, a number.
    package let subject: String
    /// The error number (`errno`).
    package let code: Int32

    package init(_ call: String, _ subject: String, code: Int32 = errno) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    /// The kernel's words for the error number, for example `No such file or directory`.
    package var reason: String { String(cString: strerror(code)) }

    package var description: String { "cannot \(call) \(subject): \(reason)" }
}

/// Runs a call until it is not interrupted by a signal, and throws when it answers below zero.
@discardableResult
package func checked<Result: BinaryInteger>(
    _ call: String, _ subject: @autoclosure () -> String, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemError(call, subject(), code: code) }
    }
}
