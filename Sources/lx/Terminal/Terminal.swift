import Glibc

/// The terminal this process runs on.
enum Terminal {
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Columns and rows; nil when the descriptor is no terminal, or one that does not know.
    static func size(_ descriptor: Int32) -> (width: Int, height: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Passes every key on as it is, from now until `restore`.
    static func makeRaw(_ descriptor: Int32) -> termios? {
        var old = termios()
        guard tcgetattr(descriptor, &old) == 0 else { return nil }
        var raw = old
        cfmakeraw(&raw)
        guard tcsetattr(descriptor, TCSANOW, &raw) == 0 else { return nil }
        return old
    }

    static func restore(_ descriptor: Int32, _ settings: termios) {
        var settings = settings
        tcsetattr(descriptor, TCSANOW, &settings)
    }
}
