import Glibc

/// liblxc's post-stop hook: leaves the word `reboot` or `stop` in a file for lexd.
///
/// It fails for a reboot: liblxc then gives the instance up instead of starting it again by itself with settings that
/// may be out of date (`lxc_end()` in its start.c), and lexd starts it.
func recordStop(in path: String) -> Int32 {
    let target = getenv("LXC_TARGET").map { String(cString: $0) } ?? "stop"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    if file >= 0 {
        _ = target.withCString { write(file, $0, strlen($0)) }
        close(file)
    }
    return target == "reboot" ? 1 : 0
}
