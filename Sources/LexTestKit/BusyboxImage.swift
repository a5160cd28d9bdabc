import Glibc
import LexIPC
import Synchronization

/// The small image most tests use: Debian's static busybox, an init of a few lines, and nothing else.
///
/// Its init ends the system on SIGPWR, which is what lexd sends, and on SIGUSR2 (busybox's `poweroff`), restarts it on
/// SIGTERM (its `reboot`), ignores a wish to stop while the file /stay is there, and asks for an address on eth0.
package enum BusyboxImage {
    /// What the image is made of.
    package struct Contents: Sendable {
        /// The metadata file.
        package var metadata =
            "architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  description: Busybox test image\n"
            + "  os: Busybox\n  release: \"1\"\n"
        /// The init; nil for an image without one.
        package var initProgram: [UInt8]? = Array(BusyboxImage.initScript.utf8)
        /// Further files below the root file system, executable.
        package var programs: [String: [UInt8]] = [:]
        /// Further entries, added at the end as they are.
        package var extra: @Sendable (inout TarFile) -> Void = { _ in }

        package init() {}
    }

    private static let built = Mutex<[UInt8]?>(nil)

    /// The usual image as a plain tarball, put together once.
    package static func standard() async throws -> [UInt8] {
        if let built = built.withLock({ $0 }) { return built }
        let bytes = try await tarball(Contents())
        built.withLock { $0 = bytes }
        return bytes
    }

    /// An image of these contents as a plain tarball.
    package static func tarball(_ contents: Contents) async throws -> [UInt8] {
        let busybox = try busyboxProgram()
        let applets = try await Program("busybox")("--list").split(separator: "\n")
        var tar = TarFile()
        tar.add("metadata.yaml", text: contents.metadata)
        for directory in [
            "rootfs", "rootfs/bin", "rootfs/sbin", "rootfs/etc", "rootfs/proc", "rootfs/sys", "rootfs/dev",
            "rootfs/run", "rootfs/var", "rootfs/usr", "rootfs/usr/bin", "rootfs/usr/share", "rootfs/usr/share/udhcpc",
        ] { tar.add(directory, .directory) }
        tar.add("rootfs/root", .directory, mode: 0o700)
        tar.add("rootfs/tmp", .directory, mode: 0o1777)
        tar.add("rootfs/bin/busybox", .file(busybox), mode: 0o755)
        for applet in applets where applet != "busybox" { tar.add("rootfs/bin/\(applet)", .link(to: "busybox")) }
        if let program = contents.initProgram { tar.add("rootfs/sbin/init", .file(program), mode: 0o755) }
        tar.add("rootfs/etc/passwd", text: "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:User:/tmp:/bin/sh\n")
        tar.add("rootfs/etc/group", text: "root:x:0:\nuser:x:1000:\n")
        tar.add("rootfs/usr/share/udhcpc/default.script", text: dhcpScript, mode: 0o755)
        for (name, program) in contents.programs.sorted(by: { $0.key < $1.key }) {
            tar.add("rootfs/\(name)", .file(program), mode: 0o755)
        }
        contents.extra(&tar)
        return tar.bytes
    }

    private static func busyboxProgram() throws -> [UInt8] {
        for path in ["/bin/busybox", "/usr/bin/busybox"] where access(path, R_OK) == 0 {
            return try OwnedDescriptor.open(path, O_RDONLY).readAll(limit: 16 << 20, of: path)
        }
        throw SystemError("read (install busybox-static)", "/bin/busybox", code: ENOENT)
    }

    /// What the image's init does.
    package static let initScript = """
        #!/bin/sh
        stop() { [ -e /stay ] || end=poweroff; }
        restart() { [ -e /stay ] || end=reboot; }
        trap stop PWR USR2
        trap restart TERM
        mount -t tmpfs tmpfs /run
        ip link set lo up
        if ip link set eth0 up; then
            udhcpc -i eth0 -b -t 30 -T 1 -s /usr/share/udhcpc/default.script >/dev/null 2>&1 &
        fi
        touch /run/booted
        while [ -z "$end" ]; do sleep 3600 & wait $!; done
        [ "$end" = reboot ] && reboot -f
        exit 0

        """

    private static let dhcpScript = """
        #!/bin/sh
        case "$1" in
        bound|renew)
            ip addr flush dev "$interface" scope global
            ip addr add "$ip/$mask" dev "$interface"
            ip route add default via "$router"
            { for server in $dns; do echo "nameserver $server"; done; echo "search $domain"; } > /etc/resolv.conf
            ;;
        esac
        exit 0

        """
}
