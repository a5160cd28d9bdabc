import CLexLinux

/// Tells systemd how far lexd is (sd_notify(3)); without systemd nothing happens.
enum SystemdNotification {
    static func ready() { _ = lex_notify("READY=1\nSTATUS=Ready") }
    static func stopping() { _ = lex_notify("STOPPING=1") }
}
