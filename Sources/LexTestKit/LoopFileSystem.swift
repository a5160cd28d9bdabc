import CLexLinux
import Glibc
import LexHost
import LexIPC

/// A file system of its own in a file, for one test. Needs root, mkfs and loop devices.
package enum LoopFileSystem {
    /// Makes it, runs `body` with the directory it is mounted on, and takes it away.
    package static func with<Result>(
        _ type: String, megabytes: Int = 256, _ body: (_ directory: String) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            let (image, mount) = (directory + "/image", directory + "/mount")
            try makeDirectories(mount)
            let file = try OwnedDescriptor.open(image, O_WRONLY | O_CREAT)
            try checked("give its size to", image) { ftruncate(file.number, megabytes << 20) }
            try await Tool("mkfs.\(type)").check(
                type == "ext4" ? ["-q", "-F", image] : ["-q", image], doing: "make a file system")
            try await Tool("mount").check(["-o", "loop", image, mount], doing: "mount a file system")
            do {
                let result = try await body(mount)
                try checked("unmount", mount) { lex_umount_detach(mount) }
                return result
            } catch {
                _ = lex_umount_detach(mount)
                throw error
            }
        }
    }

    /// The bytes taken of the file system a path lies on.
    package static func used(_ path: String) throws -> Int64 {
        let directory = try OwnedDescriptor.directory(path)
        var numbers: (UInt64, UInt64, UInt64, UInt64, Int64) = (0, 0, 0, 0, 0)
        try checked("look at the file system of", path) {
            lex_file_system_space(directory.number, &numbers.0, &numbers.1, &numbers.2, &numbers.3, &numbers.4)
        }
        return Int64(numbers.0) - Int64(numbers.1)
    }
}
