import Glibc
package import LexIPC

/// Writes a file that others read at any time: they see the old content or the new one, never a part.
///
/// It is written under a name that begins with a dot in the same directory, then renamed. It is not synced: for files
/// that can be made again.
package func placeFile(_ path: String, _ text: String, mode: UInt32, group: UInt32? = nil) throws(SystemError) {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let temporary = String(path[..<slash] + "." + path[slash...] + ".new")
    do {
        let file = try OwnedDescriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
        // The mode again, since open(2) takes the process's umask off it.
        try checked("set the mode of", path) { fchmod(file.number, mode) }
        if let group { try checked("set the group of", path) { fchown(file.number, UInt32.max, group) } }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            written += try checked("write", path) {
                bytes[written...].withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
            }
        }
        try checked("rename to", path) { rename(temporary, path) }
    } catch {
        unlink(temporary)
        throw error
    }
}

/// Makes a directory, or sets the mode and the group of one that is there.
package func placeDirectory(_ path: String, mode: UInt32, group: UInt32? = nil) throws(SystemError) {
    if mkdir(path, mode) != 0, errno != EEXIST { throw SystemError("make the directory", path) }
    let directory = try OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    if let group {
        try checked("set the group of", path) { fchown(directory.number, UInt32.max, group) }
    }
    try checked("set the mode of", path) { fchmod(directory.number, mode) }
}

/// Removes a file; that there is none is fine.
package func removeFile(_ path: String) throws(SystemError) {
    if unlink(path) != 0, errno != ENOENT { throw SystemError("remove", path) }
}

/// The names in a directory, sorted, without `.` and `..`; empty when there is no such directory.
package func directoryEntries(_ path: String) throws(SystemError) -> [String] {
    do throws(SystemError) {
        return try directoryNames(path)
    } catch {
        guard error.code == ENOENT else { throw error }
        return []
    }
}

/// Removes an empty directory; that there is none is fine.
package func removeDirectory(_ path: String) throws(SystemError) {
    if rmdir(path) != 0, errno != ENOENT { throw SystemError("remove the directory", path) }
}

/// Gives a directory another name on the same file system; that there is none is fine.
package func moveDirectory(_ path: String, to newPath: String) throws(SystemError) {
    if rename(path, newPath) != 0, errno != ENOENT { throw SystemError("rename", path) }
}
