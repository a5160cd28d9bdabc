import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// What an instance needs that has instances, or Docker, inside.
    @Suite struct Nesting {
        /// Overlays whose upper layers lie where Docker and lexd keep theirs: they go wherever the instance goes.
        @Test func overlaysInside() async throws { try await withDaemon { try await $0.hasOverlaysInside() } }

        /// There the kernel maps no ids: roots are stored with those of their instances.
        @Test func instancesInside() async throws { try await withDaemon { try await $0.hasInstancesInside() } }

        /// Docker as Debian has it, in a Debian, on the driver that copies nothing.
        @Test func dockerInside() async throws {
            let image = try await DebianImage.nestingTarball()
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importImage(file: image, alias: "nesting")
                try await daemon.hasDockerInside()
            }
        }

        /// A whole system inside, with an init that mounts what it knows; privileged, the kernel maps ids there as well.
        @Test(arguments: [false, true])
        func lexdInDebian(isPrivileged: Bool) async throws {
            let image = try await DebianImage.nestingTarball()
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importImage(file: image, alias: "nesting")
                try await daemon.hasLexdInDebian(isPrivileged)
            }
        }

        /// What was there before nesting was allowed stays seen.
        @Test func nothingIsHidden() async throws {
            try await withDaemon { daemon in
                try await daemon.launch("c1")
                try await daemon.shell("c1", "mkdir -p /var/lib/docker && echo mine > /var/lib/docker/file")
                try await daemon.stop("c1", force: true)
                try await daemon.configure("c1", ["security.nesting": "true"])
                try await daemon.start("c1")
                #expect(try await daemon.shell("c1", "cat /var/lib/docker/file") == "mine")
                #expect(try await daemon.shell("c1", "ls -A /var/lib/containers") == "")
            }
        }
    }
}

extension DaemonFixture {
    /// The number of files in the overlay's upper layer that the instance mounts.
    private func overlay(_ name: String) async throws -> String {
        try await shell(
            name,
            "mkdir -p /var/lib/docker/u /var/lib/docker/w /tmp/l /tmp/m && echo low > /tmp/l/low && "
                + "mount -t overlay -o lowerdir=/tmp/l,upperdir=/var/lib/docker/u,workdir=/var/lib/docker/w,userxattr x /tmp/m "
                + "&& cat /tmp/m/* && umount /tmp/m")
    }

    fileprivate func hasOverlaysInside() async throws {
        try await launch("c1", config: ["security.nesting": "true"])
        #expect(try await overlay("c1") == "low")
        try await shell("c1", "echo first > /var/lib/docker/u/kept; chown 5:6 /var/lib/docker/u/kept")
        try await lx("snapshot", "c1", "s1")
        try await shell("c1", "echo second > /var/lib/docker/u/kept")
        // A copy of a running one, one of a snapshot, and one in a pool of another kind and back.
        try await lx("copy", "c1", "c2")
        try await lx("copy", "c1/s1", "c3")
        try await lx("storage", "create", "other", "dir")
        try await lx("move", "c3", "-s", "other")
        try await lx("start", "c2", "c3")
        #expect(try await shell("c2", "cat /var/lib/docker/u/kept") == "second")
        #expect(try await shell("c3", "cat /var/lib/docker/u/kept") == "first")
        try await stop("c3", force: true)
        try await lx("move", "c3", "-s", "default")
        try await lx("start", "c3")
        #expect(
            try await shell("c3", "cat /var/lib/docker/u/kept; stat -c %u:%g /var/lib/docker/u/kept") == "first\n5:6")
        #expect(try await overlay("c3").split(separator: "\n") == ["first", "low"])

        try await stop("c1", force: true)
        #expect(try await lx("file", "pull", "c1/var/lib/docker/u/kept", "-").hasPrefix("second"))
        try await lx("restore", "c1", "s1")
        // As it was, also for a lexd that comes after this one.
        try await kill()
        try await start()
        try await lx("start", "c1")
        #expect(try await shell("c1", "cat /var/lib/docker/u/kept") == "first")
        #expect(try await overlay("c1").split(separator: "\n") == ["first", "low"])
        // It stays where it is when nesting is not allowed any more.
        try await stop("c1", force: true)
        try await configure("c1", ["security.nesting": ""])
        try await lx("start", "c1")
        #expect(try await shell("c1", "cat /var/lib/docker/u/kept") == "first")
        #expect(try await disagreements() == [])
    }
}

extension DaemonFixture {
    /// What lexd needs to run in an instance: its programs and where their libraries lie; in one of busybox the host's,
    /// too.
    private func lexdDevices(withHostPrograms: Bool) async throws -> [String: [String: String]] {
        func shown(_ source: String, at path: String) -> [String: String] {
            ["type": "disk", "source": source, "path": path, "readonly": "true"]
        }
        let image = try file("inside.tar", await BusyboxImage.standard())
        try checked("open to all", image) { chmod(image, 0o644) }
        var devices = [
            "programs": shown(Self.programs, at: "/opt/lexd"), "image": shown(image, at: "/opt/image.tar"),
        ]
        if withHostPrograms { devices["usr"] = shown("/usr", at: "/usr") }
        for program in ["lexd", "lexd-runtime", "lexd-archive", "lx"] {
            for library in try await ProgramLibraries.of("\(Self.programs)/\(program)") {
                let directory = library.lastIndex(of: "/").map { String(library[..<$0]) } ?? ""
                if ["/usr/", "/lib"].contains(where: { directory.hasPrefix($0) }) { continue }
                devices["libraries\(directory.split(separator: "/").joined(separator: "-"))"] =
                    shown(directory, at: directory)
            }
        }
        return devices
    }

    /// A shell's text in the outer instance, with the inner lexd's programs.
    private func inside(_ text: String) async throws -> [String] {
        try await shell(
            "outer", "export LEXD_DIR=/var/lib/lexd PATH=/opt/lexd:/usr/sbin:/usr/bin:/sbin:/bin; set -e\n" + text
        ).split(separator: "\n").map(String.init)
    }

    /// What a whole system has: a way to the libraries, and users.
    private func prepareOuter() async throws {
        _ = try await inside(
            """
            ln -s usr/lib64 /lib64; ln -s usr/lib /lib
            echo nobody:x:65534:65534::/:/bin/false >> /etc/passwd; echo nogroup:x:65534: >> /etc/group
            echo root:65536:983040 > /etc/subuid; cp /etc/subuid /etc/subgid
            """)
    }

    private func beginInner() async throws {
        _ = try await inside(
            """
            lexd --debug >> /tmp/lexd.log 2>&1 < /dev/null &
            lexd waitready --timeout=60 || { cat /tmp/lexd.log >&2; exit 1; }
            """)
    }

    fileprivate func hasInstancesInside() async throws {
        try await launch(
            "outer", config: ["security.nesting": "true"], devices: try await lexdDevices(withHostPrograms: true))
        try await prepareOuter()
        try await beginInner()
        let first = try await inside(
            """
            lx image import /opt/image.tar --alias busybox > /dev/null
            lx launch busybox c1 > /dev/null
            lx exec c1 -- sh -c 'id -u; sed "s/  */ /g" /proc/self/uid_map; echo kept > /root/f
                chown 5:6 /root/f; chmod 4711 /root/f; stat -c %u:%g /sbin/init'
            lx snapshot c1 s1
            lx copy c1 c2
            lx start c2
            lx exec c2 -- stat -c %u:%g:%a /root/f
            """)
        #expect(first == ["0", " 0 131072 65536", "0:0", "5:6:4711"])

        // Another lexd finds it running; its files are seen by the ids inside when it does not run.
        _ = try await inside("kill -9 $(pidof lexd)")
        try await beginInner()
        let second = try await inside(
            """
            lx exec c1 -- cat /root/f
            lx exec c1 -- rm /root/f
            lx stop c1 --force
            lx restore c1 s1
            lx file pull c1/root/f -
            lx config set c1 security.privileged=true
            lx start c1
            lx exec c1 -- stat -c %u:%g:%a /root/f
            lx stop c1 --force
            lx config set c1 security.protection.shift=true
            lx config unset c1 security.privileged
            lx start c1 2>&1 | grep -o "security.protection.shift forbids"
            lx delete --force c1 c2
            lx list -c n -f csv
            lexd shutdown
            """)
        #expect(second == ["kept", "kept", "5:6:4711", "security.protection.shift forbids"])
    }

    /// Waits until systemd says that all is up, whatever became of single units.
    private func hasBooted(_ name: String) async throws {
        try await eventually("\(name) has booted", within: .seconds(120)) {
            ["running\n", "degraded\n"].contains(try await exec(name, "systemctl", "is-system-running").text)
        }
    }

    fileprivate func hasDockerInside() async throws {
        try await launch("c1", image: "nesting", config: ["security.nesting": "true"])
        try await hasBooted("c1")
        try await eventually("Docker answers", within: .seconds(60)) {
            try await exec("c1", "docker", "info").status == 0
        }
        #expect(try await shell("c1", "docker info --format '{{.Driver}} {{.CPUCfsQuota}}'") == "overlay2 true")
        try await shell(
            "c1",
            """
            mkdir /build && cp /bin/busybox /build/ && cd /build
            printf 'FROM scratch\\nCOPY busybox /busybox\\nENTRYPOINT ["/busybox"]\\n' > Dockerfile
            docker build -t local . >&2
            """)
        #expect(
            try await shell(
                "c1", "docker run --rm --memory 64m --cpus 0.5 local sh -c '/busybox id -u; /busybox mount' 2>/dev/null"
            ).contains("overlay on / type overlay"))
        // What Docker has goes along.
        try await lx("stop", "c1")
        try await lx("copy", "c1", "c2")
        try await start("c2")
        try await hasBooted("c2")
        #expect(try await shell("c2", "docker run --rm local echo copied") == "copied")
    }

    fileprivate func hasLexdInDebian(_ isPrivileged: Bool) async throws {
        try await launch(
            "outer", image: "nesting",
            config: ["security.nesting": "true", "security.privileged": "\(isPrivileged)"],
            devices: try await lexdDevices(withHostPrograms: false))
        try await hasBooted("outer")
        try await beginInner()
        let said = try await inside(
            """
            lx storage get default source > /dev/null
            lx storage list -f csv | cut -d, -f2
            lx image import /opt/image.tar --alias busybox > /dev/null
            lx launch busybox c1 -c limits.memory=64MiB > /dev/null
            lx exec c1 -- id -u
            lx config set c1 limits.cpu.allowance=50%
            lx restart --force c1
            lx list -c ns -f csv
            lx delete --force c1
            lexd shutdown
            """)
        #expect(said == [isPrivileged ? "overlay" : "dir", "0", "c1,RUNNING"])
    }
}
