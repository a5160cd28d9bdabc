import CLexLinux

/// The names of system calls, as libseccomp knows them.
package enum SystemCalls {
    /// Whether there is a call of that name, on any kind of machine. Nil where libseccomp cannot be asked.
    package static func isKnown(_ name: String) -> Bool? {
        switch lex_knows_syscall(name) {
        case 1: true
        case 0: false
        default: nil
        }
    }
}
