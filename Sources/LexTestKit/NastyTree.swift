import CLexLinux
import Glibc
import LexHost
import LexIPC

/// A tree with everything in it that a guest can leave behind, and a description of any tree to hold two against each
/// other. Needs root.
package enum NastyTree {
    /// Makes the tree at `path`, where nothing is; with `overlay` with what overlayfs itself leaves in an upper directory.
    package static func make(_ path: String, overlay: Bool) throws {
        try makeDirectories(path + "/dir/deeper/deepest")
        try write(path + "/plain", "text\n", mode: 0o640, owner: (33, 12))
        try write(path + "/empty", "", mode: 0)
        try write(path + "/su", "program", mode: 0o6755, owner: (1000, 1001))
        try write(path + "/high", "x", mode: 0o600, owner: (65535, 65534))
        try write(path + "/capable", "program", mode: 0o755)
        try set(path + "/capable", "security.capability", [1, 0, 0, 2, 0, 32] + [UInt8](repeating: 0, count: 14))
        try set(path + "/plain", "user.comment", [0, 1, 2, 255])
        try set(path + "/plain", "user.big", [UInt8](repeating: 7, count: 3000))
        try sparse(path + "/sparse")
        try write(path + "/dir/-rf", "x", mode: 0o600)
        try write(path + "/dir/ name\nwith \u{1b}[31m", "x", mode: 0o600)
        let raw: [CChar] = [CChar(bitPattern: 0xff), CChar(bitPattern: 0xfe), 0]
        let directory = try OwnedDescriptor.directory(path + "/dir")
        close(
            try checked("make", "a file that is no UTF-8") { openat(directory.number, raw, O_CREAT | O_WRONLY, 0o600) })
        try checked("link", "name") { link(path + "/plain", path + "/dir/deeper/second") }
        try checked("link", "name") { link(path + "/plain", path + "/third") }
        try checked("link", "name") { symlink("/etc/passwd", path + "/outside") }
        try checked("link", "name") { symlink("../../../../../etc", path + "/dir/up") }
        try checked("link", "name") { symlink(String(repeating: "a/", count: 1500), path + "/long") }
        try checked("own", "link") { lchown(path + "/outside", 1000, 100) }
        try checked("link", "link") { linkat(AT_FDCWD, path + "/outside", AT_FDCWD, path + "/dir/outside", 0) }
        try checked("make", "fifo") { mkfifo(path + "/fifo", 0o622) }
        try checked("make", "socket") { mknod(path + "/socket", S_IFSOCK | 0o777, 0) }
        try checked("make", "device") { mknod(path + "/null", S_IFCHR | 0o666, 0x103) }
        try checked("make", "device") { mknod(path + "/block", S_IFBLK | 0o660, 0x700) }
        try checked("own", "fifo") { chown(path + "/fifo", 5, 6) }
        if overlay {
            try checked("make", "whiteout") { mknod(path + "/dir/gone", S_IFCHR, 0) }
            try makeDirectories(path + "/opaque")
            try set(path + "/opaque", "trusted.overlay.opaque", Array("y".utf8))
            try makeDirectories(path + "/moved")
            try set(path + "/moved", "trusted.overlay.redirect", Array("/usr/lib".utf8))
        }
        try checked("mode", "sticky") { chmod(path + "/dir/deeper", 0o3777) }
        try checked("mode", "closed") { chmod(path + "/dir/deeper/deepest", 0) }
        var times = [timespec(tv_sec: 1_000_000_001, tv_nsec: 123_456_789), timespec(tv_sec: -5, tv_nsec: 1)]
        for name in ["/plain", "/outside", "/fifo", "/null", "/dir/deeper/deepest", "/dir/deeper", "/dir", ""] {
            try checked("time", name) { utimensat(AT_FDCWD, path + name, times, AT_SYMLINK_NOFOLLOW) }
            times[1].tv_sec += 1_000_000
        }
        try checked("own", "root") { chown(path, 7, 8) }
        try checked("mode", "root") { chmod(path, 0o711) }
    }

    private static func write(
        _ path: String, _ text: String, mode: mode_t, owner: (uid_t, gid_t) = (0, 0)
    ) throws {
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
        try file.writeAll(text.utf8, to: path)
        try checked("own", path) { fchown(file.number, owner.0, owner.1) }
        try checked("mode", path) { fchmod(file.number, mode) }
    }

    private static func set(_ path: String, _ name: String, _ value: [UInt8]) throws {
        try checked("set \(name) of", path) { lex_set_attribute_at(path, name, value, value.count) }
    }

    /// Ten gigabytes, eight kilobytes of which are there.
    private static func sparse(_ path: String) throws {
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
        let part = [UInt8](repeating: 1, count: 4096)
        for place in [1 << 20, 5 << 30] {
            try checked("write", path) { part.withUnsafeBytes { pwrite(file.number, $0.baseAddress, 4096, place) } }
        }
        try checked("size", path) { ftruncate(file.number, 10 << 30) }
    }

    /// One line for each file of a tree, in order, with all that a copy has to keep. Hard links are told by the first of
    /// their names, in order.
    package static func describe(_ path: String, leavingOut: Set<String> = []) throws -> [String] {
        var lines: [String] = []
        var first: [UInt64: String] = [:]
        try walk(path, "", &lines, &first, leavingOut)
        return lines
    }

    private static func walk(
        _ root: String, _ name: String, _ lines: inout [String], _ first: inout [UInt64: String], _ out: Set<String>
    ) throws {
        let path = root + name
        var status = stat()
        try checked("look at", path) { lstat(path, &status) }
        let kind = status.st_mode & S_IFMT
        var line = "\(name) \(String(status.st_mode, radix: 8)) \(status.st_uid):\(status.st_gid)"
        line += " \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) \(status.st_rdev)"
        if kind != S_IFDIR {
            line += " \(status.st_size) x\(status.st_nlink)"
            if status.st_nlink > 1 {
                line += " of \(first[UInt64(status.st_ino)] ?? name)"
                first[UInt64(status.st_ino)] = first[UInt64(status.st_ino)] ?? name
            }
        }
        line += try attributes(path)
        if kind == S_IFLNK {
            var text = [CChar](repeating: 0, count: 8192)
            let length = try checked("read", path) { readlink(path, &text, text.count) }
            line += " → " + String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        } else if kind == S_IFREG, status.st_size < 1 << 20 {
            line += " " + (try readFile(path))
        }
        lines.append(line)
        if kind == S_IFDIR {
            for child in try directoryNames(path) where !out.contains(name + "/" + child) && !child.contains("\u{fffd}")
            {
                try walk(root, name + "/" + child, &lines, &first, out)
            }
        }
    }

    private static func attributes(_ path: String) throws -> String {
        var names = [CChar](repeating: 0, count: 4096)
        let got = try checked("list the attributes of", path) { lex_list_attributes_at(path, &names, names.count) }
        return try names.prefix(got).split(separator: 0).map { raw in
            let name = String(decoding: raw.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            var value = [UInt8](repeating: 0, count: 65536)
            let size = try checked("read the attribute \(name) of", path) {
                lex_get_attribute(path, name, &value, value.count)
            }
            return " \(name)=\(value.prefix(size).map { String($0) }.joined(separator: ","))"
        }.sorted().joined()
    }
}
