import Glibc
import LexHost
import LexIPC

/// The Debian 12 image with systemd that tests use for truth.
///
/// It takes minutes to build, so it is built once and kept in `LEXD_TEST_CACHE`, `~/.cache/lexd-tests` when that is not
/// set. Deleting the file there makes the next run build it anew.
package enum DebianImage {
    /// The path of the image's tarball.
    package static func tarball() async throws -> String {
        try await tarball("debian-12") { root in
            try replaceFile(
                "\(root)/etc/systemd/network/eth0.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n".utf8,
                mode: 0o644)
        }
    }

    /// The path of the tarball of one with cloud-init, which has to bring up its network itself. networkd waits for udev to
    /// say that a card is there.
    package static func cloudTarball() async throws -> String {
        try await tarball("debian-12-cloud", packages: ["cloud-init", "udev"]) { _ in }
    }

    /// The path of the tarball of one with Docker, and with what lexd runs with.
    package static func nestingTarball() async throws -> String {
        let packages = [
            "docker.io", "busybox-static", "udev", "liblxc1", "liblxc-common", "libarchive13", "libsqlite3-0",
            "dnsmasq-base", "nftables", "procps",
        ]
        return try await tarball("debian-12-nesting", packages: packages) { root in
            try replaceFile(
                "\(root)/etc/systemd/network/eth0.network", "[Match]\nName=eth0\n[Network]\nDHCP=yes\n".utf8,
                mode: 0o644)
        }
    }

    private static func tarball(
        _ name: String, packages: [String] = [], _ change: (_ root: String) throws -> Void
    ) async throws -> String {
        let directory = cacheDirectory
        let path = "\(directory)/\(name).tar"
        try makeDirectories(directory)
        // Two runs of the tests build it once.
        let lock = try OwnedDescriptor.open("\(path).lock", O_RDWR | O_CREAT)
        try await blocking { [number = lock.number] in
            try checked("lock", "\(path).lock") { flock(number, LOCK_EX) }
        }
        if access(path, R_OK) != 0 { try await build(path, packages, change) }
        withExtendedLifetime(lock) {}
        return path
    }

    private static var cacheDirectory: String {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        return variable("LEXD_TEST_CACHE") ?? "\(variable("HOME") ?? "/root")/.cache/lexd-tests"
    }

    private static func build(
        _ path: String, _ packages: [String], _ change: (_ root: String) throws -> Void
    ) async throws {
        let work = "\(path).\(getpid())"
        defer { try? removeTree(work) }
        try makeDirectories(work, mode: 0o755)
        let root = "\(work)/rootfs"
        // The host's own package sources: where a Debian host gets its packages from is where tests can.
        let sources = hostSources()
        try await Program("mmdebstrap")(
            "--variant=minbase", "--quiet",
            "--include="
                + (["systemd", "systemd-sysv", "dbus", "iproute2", "iputils-ping"] + packages)
                .joined(separator: ","), "bookworm", root, sources, within: .seconds(900))
        func write(_ name: String, _ text: String) throws {
            unlink("\(root)/\(name)")
            try replaceFile("\(root)/\(name)", text.utf8, mode: 0o644)
        }
        try write("etc/hostname", "debian\n")
        try write("etc/resolv.conf", "")
        try write("etc/machine-id", "")
        try change(root)
        symlink(
            "/lib/systemd/system/systemd-networkd.service",
            "\(root)/etc/systemd/system/multi-user.target.wants/systemd-networkd.service")
        try replaceFile(
            "\(work)/metadata.yaml",
            "architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Debian\n  release: bookworm\n".utf8)
        try await Program("tar")(
            "-C", work, "--numeric-owner", "--xattrs", "--exclude=rootfs/dev/*", "-cf", "\(work)/image.tar",
            "metadata.yaml", "rootfs", within: .seconds(300))
        try checked("rename", path) { rename("\(work)/image.tar", path) }
    }

    private static func hostSources() -> String {
        let directory = "/etc/apt/sources.list.d"
        let names = ((try? directoryNames(directory)) ?? []).filter {
            $0.hasSuffix(".sources") || $0.hasSuffix(".list")
        }
        if let debian = names.first(where: { $0.hasPrefix("debian.") }) { return "\(directory)/\(debian)" }
        return "/etc/apt/sources.list"
    }
}
