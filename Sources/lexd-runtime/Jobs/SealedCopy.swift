import CLexLinux
import Glibc

/// Goes on in a sealed copy of this program in memory, once.
///
/// The root of a privileged instance is the host's root: through `/proc/PID/exe` of a command that is just entering
/// the instance, or of what is about to become its init, it could write into the program's file (CVE-2019-5736). A
/// sealed memory file cannot be written. It lasts as long as the instance's monitor, which is forked from here.
func runFromSealedCopy() {
    let mark = "LEXD_SEALED"
    if getenv(mark) != nil {
        unsetenv(mark)
        return
    }
    let source = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
    let copy = lex_memfd("lexd-runtime")
    var status = stat()
    guard source >= 0, copy >= 0, fstat(source, &status) == 0 else { exit(71) }
    var left = Int(status.st_size)
    while left > 0 {
        let sent = sendfile(copy, source, nil, left)
        guard sent > 0 else { exit(71) }
        left -= sent
    }
    guard lex_seal_memfd(copy) == 0 else { exit(71) }
    setenv(mark, "1", 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execv("/proc/self/fd/\(copy)", arguments)
    exit(71)
}
