import CLexLinux
import Glibc
package import LexIPC

/// Which disks of the machine lie under a path.
package enum BlockDevices {
    /// What a path leads to on the host.
    package enum Kind: Sendable, Equatable {
        case directory
        case block
        case character
        /// Any other file.
        case file
    }

    /// What a path leads to, links followed; nil where there is nothing.
    package static func kind(of path: String) throws(SystemError) -> Kind? {
        var status = stat()
        if stat(path, &status) != 0 {
            if [ENOENT, ENOTDIR].contains(errno) { return nil }
            throw SystemError("look at", path)
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .directory
        case S_IFBLK: return .block
        case S_IFCHR: return .character
        default: return .file
        }
    }

    /// The disks, as `MAJOR:MINOR`, whose limits count for what lies at a path: whole disks, since the kernel limits no
    /// partition. None where there is no disk below, as in memory.
    package static func under(_ path: String) throws(SystemError) -> Set<String> {
        var status = stat()
        try checked("look at", path) { stat(path, &status) }
        let isBlock = status.st_mode & S_IFMT == S_IFBLK
        let device = number(UInt64(isBlock ? status.st_rdev : status.st_dev))
        // A file system of more than one disk has a number of its own.
        let found = device.hasPrefix("0:") ? try sources(of: device) : [device]
        return Set(found.compactMap(whole))
    }

    /// The numbers of a device node as the kernel writes them.
    package static func number(_ device: UInt64) -> String {
        var (major, minor): (UInt32, UInt32) = (0, 0)
        lex_device_number(device, &major, &minor)
        return "\(major):\(minor)"
    }

    /// The block devices that a mounted file system with an anonymous number is made of (proc(5), mountinfo).
    private static func sources(of device: String) throws(SystemError) -> [String] {
        for line in try readFile("/proc/self/mountinfo", limit: 64 << 20).split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 8, fields[2] == device, let dash = fields.firstIndex(of: "-"),
                fields.indices.contains(dash + 2), let source = block(String(fields[dash + 2]))
            else { continue }
            // All disks of a btrfs, not only the one it was mounted by.
            let name = whole(source).flatMap { try? readLink("/sys/dev/block/\($0)") } ?? ""
            for pool in (try? directoryNames("/sys/fs/btrfs")) ?? [] {
                let names = (try? directoryNames("/sys/fs/btrfs/\(pool)/devices")) ?? []
                guard names.contains(where: { name.hasSuffix("/\($0)") }) else { continue }
                return names.compactMap { block("/dev/\($0)") }
            }
            return [source]
        }
        return []
    }

    private static func block(_ path: String) -> String? {
        var status = stat()
        guard path.hasPrefix("/"), stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else { return nil }
        return number(UInt64(status.st_rdev))
    }

    /// The disk a partition is a part of, or the disk itself; nil for what is none.
    private static func whole(_ device: String) -> String? {
        let directory = "/sys/dev/block/\(device)"
        guard access(directory, F_OK) == 0 else { return nil }
        guard access(directory + "/partition", F_OK) == 0 else { return device }
        return (try? readFile(directory + "/../dev"))?.filter { !$0.isWhitespace }
    }
}

/// Where a symbolic link leads, as it is written.
func readLink(_ path: String) throws(SystemError) -> String {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = try checked("read the link", path) { readlink(path, &bytes, bytes.count) }
    return String(decoding: bytes.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
