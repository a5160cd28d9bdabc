import CLexLinux
import Glibc
package import LexIPC

/// A directory that one process has for itself, by flock(2) on the file `lock` in it: until this object goes, or the
/// process ends, however that comes.
package final class DirectoryLock: Sendable {
    private let file: OwnedDescriptor

    /// Takes the directory; nil when another process has it.
    package init?(_ directory: String) throws(SystemError) {
        let path = "\(directory)/lock"
        let file = try OwnedDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        guard lex_lock_exclusive(file.number, 0) == 0 else {
            if errno == EWOULDBLOCK { return nil }
            throw SystemError("lock", path)
        }
        self.file = file
    }
}
