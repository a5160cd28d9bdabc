import Glibc

/// An image that lies in a directory, packed for an upload.
enum ImageDirectory {
    /// Packs `metadata.yaml`, `rootfs` and `templates` of a directory into a file that has no name any more; the caller
    /// closes it.
    static func pack(_ path: String) throws -> Int32 {
        // Only root can read all there is, and give it its owners.
        guard geteuid() == 0 else { throw Failure("Must run as root to import from directory") }
        guard access("\(path)/metadata.yaml", R_OK) == 0, Files.isDirectory("\(path)/rootfs") else {
            throw Failure("Cannot import \(path): an image directory has a metadata.yaml and a directory rootfs")
        }
        var template = Array("/var/tmp/lx-image-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw Failure("Cannot make a file for the image in /var/tmp: \(String(cString: strerror(errno)))")
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let file = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(file) }
        var words = [
            "tar", "-C", path, "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "-czf", file,
            "metadata.yaml", "rootfs",
        ]
        if Files.isDirectory("\(path)/templates") { words.append("templates") }
        do { try run(words) } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func run(_ words: [String]) throws {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let failure = posix_spawnp(&pid, "tar", nil, nil, &arguments, environ)
        guard failure == 0 else { throw Failure("Cannot start tar: \(String(cString: strerror(failure)))") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        guard status == 0 else { throw Failure("tar ended with an error; nothing was imported") }
    }
}
