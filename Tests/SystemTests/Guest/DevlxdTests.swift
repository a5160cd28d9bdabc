import Glibc
import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Synchronization
import Testing

extension SystemTests {
    /// `/dev/lxd/sock` as a guest sees it.
    @Suite struct Devlxd {
        @Test func tellsAGuestOfItself() async throws {
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importGuest()
                try await daemon.launch(
                    "g1",
                    config: ["user.a": "va", "user.meta-data": "foo: bar", "cloud-init.user-data": "#cloud-config"])
                try await daemon.checkAnswers()
                try await daemon.checkState()
                try await daemon.checkStrangers()
                try await daemon.checkEvents()
                try await daemon.checkIdentity()
            }
        }

        @Test func outlivesLexdAndComesAndGoes() async throws {
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importGuest()
                try await daemon.launch("g1")
                try await daemon.launch("g2", config: ["security.privileged": "true"])
                try await daemon.checkRestart()
                try await daemon.checkSwitch()
                try await daemon.checkImages()
            }
        }

        @Test func aGuestsUserCannotShutItsRootOut() async throws {
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importGuest()
                try await daemon.launch("g1")
                try await daemon.checkIdleStrangers()
            }
        }

        @Test func aGuestCannotUseItUp() async throws {
            try await withDaemon(.withoutImage) { daemon in
                try await daemon.importGuest()
                try await daemon.launch("g1")
                try await daemon.launch("g2")
                try await daemon.checkFlood()
            }
        }
    }
}

/// `ask METHOD PATH [BODY]` prints what `/dev/lxd/sock` answers; `ask open COUNT` holds so many connections with half a
/// request each, and prints how many are still open; `ask idle COUNT` opens so many, says nothing, and prints after a
/// while how many of them are closed.
private let askSource = """
    #include <errno.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/un.h>
    #include <unistd.h>
    static int dial(void) {
        struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/dev/lxd/sock"};
        int s = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(s, (struct sockaddr *)&a, sizeof a) != 0) { perror("connect"); exit(7); }
        return s;
    }
    int main(int n, char **v) {
        char buffer[65536];
        if (!strcmp(v[1], "open")) {
            int count = atoi(v[2]), open = 0, *all = calloc(count, sizeof *all);
            for (int i = 0; i < count; i++) {
                all[i] = dial();
                if (send(all[i], "GET /1.0 HTTP/1.1\\r\\n", 19, MSG_NOSIGNAL) < 0) all[i] = -1;
            }
            sleep(1);
            for (int i = 0; i < count; i++)
                if (all[i] >= 0 && recv(all[i], buffer, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) open++;
            printf("%d\\n", open);
            return 0;
        }
        if (!strcmp(v[1], "idle")) {
            int count = atoi(v[2]), closed = 0, *all = calloc(count, sizeof *all);
            for (int i = 0; i < count; i++) all[i] = dial();
            puts("all are open");
            fflush(stdout);
            sleep(atoi(v[3]));
            for (int i = 0; i < count; i++)
                if (recv(all[i], buffer, 1, MSG_DONTWAIT) == 0) closed++;
            printf("%d\\n", closed);
            return 0;
        }
        int s = dial();
        const char *body = n > 3 ? v[3] : "";
        int size = snprintf(
            buffer, sizeof buffer, "%s %s HTTP/1.1\\r\\nHost: lxd\\r\\nConnection: close\\r\\nContent-Length: %zu\\r\\n\\r\\n%s",
            v[1], v[2], strlen(body), body);
        if (write(s, buffer, size) != size) return 8;
        ssize_t got;
        while ((got = read(s, buffer, sizeof buffer)) > 0)
            if (write(1, buffer, got) != got) return 9;
        return 0;
    }

    """

private let askProgram = Mutex<[UInt8]?>(nil)

extension DaemonFixture {
    /// The busybox image with a program that asks.
    fileprivate func importGuest() async throws {
        var program = askProgram.withLock { $0 }
        if program == nil {
            let source = try file("ask.c", Array(askSource.utf8))
            try await Program("gcc")("-O1", "-static", "-o", path("ask"), source)
            program = try OwnedDescriptor.open(path("ask"), O_RDONLY).readAll(limit: 16 << 20, of: "ask")
            askProgram.withLock { [program] in $0 = program }
        }
        var contents = BusyboxImage.Contents()
        contents.programs = ["bin/ask": program ?? []]
        try await importImage(try await BusyboxImage.tarball(contents), alias: "busybox")
    }

    /// What a guest is answered: the status, the type, and the body.
    fileprivate func ask(_ guest: String = "g1", _ words: String...) async throws -> [String] {
        let output = try await exec(guest, Instance.Exec(command: ["ask"] + words))
        #expect(output.status == 0, "\(output)")
        let parts = output.text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let head = (parts.first ?? "").split(separator: "\r\n").map(String.init)
        let type = head.first { $0.lowercased().hasPrefix("content-type: ") }?.dropFirst("content-type: ".count) ?? ""
        let status = head.first?.split(separator: " ").dropFirst().first ?? ""
        return [String(status), String(type), parts.count > 1 ? String(parts[1]) : ""]
    }

    private static let json = "application/json"
    private static let raw = "application/octet-stream"
    private static let plain = "text/plain; charset=utf-8"

    /// As LXD 5.0.2 answers, byte for byte.
    fileprivate func checkAnswers() async throws {
        #expect(
            try await shell("g1", "stat -c '%A %F' /dev/lxd /dev/lxd/sock") == "drwxr-xr-x directory\nsrw-rw-rw- socket"
        )
        #expect(try await ask("g1", "GET", "/") == ["200", Self.json, "[\"/1.0\"]\n"])
        #expect(
            try await ask("g1", "GET", "/1.0/config") == [
                "200", Self.json,
                "[\"/1.0/config/cloud-init.user-data\",\"/1.0/config/user.a\",\"/1.0/config/user.meta-data\"]\n",
            ])
        #expect(try await ask("g1", "GET", "/1.0/config/user.a") == ["200", Self.raw, "va"])
        #expect(try await ask("g1", "HEAD", "/1.0/config/user.a") == ["200", Self.raw, ""])
        #expect(try await ask("g1", "GET", "/1.0/config/user.none") == ["404", Self.plain, "not found\n"])
        #expect(try await ask("g1", "GET", "/1.0/config/limits.memory") == ["403", Self.plain, "not authorized\n"])
        #expect(try await ask("g1", "GET", "/1.0/config/volatile.uuid") == ["403", Self.plain, "not authorized\n"])
        let id = try await instance("g1").config["volatile.cloud-init.instance-id"] ?? ""
        #expect(
            try await ask("g1", "GET", "/1.0/meta-data")
                == ["200", Self.raw, "#cloud-config\ninstance-id: \(id)\nlocal-hostname: g1\nfoo: bar"])
        let address = try await instance("g1").config["volatile.eth0.hwaddr"] ?? ""
        let devices = try await ask("g1", "GET", "/1.0/devices")[2]
        #expect(
            devices.contains("\"hwaddr\":\"\(address)\"")
                && devices.contains("\"root\":{\"path\":\"/\",\"pool\":\"default\",\"type\":\"disk\"}"))
        #expect(try await ask("g1", "GET", "/nope") == ["404", Self.plain, "404 page not found\n"])
        #expect(try await ask("g1", "GET", "/1.0/instances") == ["404", Self.plain, "404 page not found\n"])
        #expect(try await ask("g1", "GET", "/1.0/images/00/export") == ["403", Self.plain, "not authorized\n"])
        #expect(try await ask("g1", "DELETE", "/1.0/config")[0] == "405")
    }

    fileprivate func checkState() async throws {
        func state(_ word: String) -> [String] {
            [
                "200", Self.json,
                "{\"api_version\":\"1.0\",\"instance_type\":\"container\",\"location\":\"none\",\"state\":\"\(word)\"}\n",
            ]
        }
        #expect(try await ask("g1", "GET", "/1.0") == state("Started"))
        #expect(try await ask("g1", "PATCH", "/1.0", "{\"state\": \"Ready\"}") == state("Ready"))
        #expect(try await instance("g1").config["volatile.last_state.ready"] == "true")
        #expect(try await ask("g1", "PATCH", "/1.0", "{\"state\": \"Nonsense\"}")[0] == "400")
        #expect(try await ask("g1", "PATCH", "/1.0", "nonsense")[0] == "400")
        #expect(try await ask("g1", "GET", "/1.0") == state("Ready"))
        #expect(try await ask("g1", "PATCH", "/1.0", "{\"state\": \"Started\"}") == state("Started"))
    }

    /// Only the instance's own root is heard: neither its users, nor the host's root.
    fileprivate func checkStrangers() async throws {
        let output = try await exec("g1", Instance.Exec(command: ["ask", "GET", "/1.0"], user: 1000))
        #expect(
            output.text.hasPrefix("HTTP/1.1 401 ") && output.text.hasSuffix("\r\n\r\nAccess denied for non-root user\n")
        )
        let process = try await state("g1").pid
        let host = try RawConnection(path: "/proc/\(process)/root/dev/lxd/sock")
        #expect(
            try await host.exchange("GET /1.0 HTTP/1.1\r\nHost: lxd\r\nConnection: close\r\n\r\n")
                .contains("401 Unauthorized"))
        // The directory is the host's: nothing in it can be changed.
        #expect(try await exec("g1", "rm", "/dev/lxd/sock").status != 0)
        #expect(try await exec("g1", "touch", "/dev/lxd/x").status != 0)
    }

    fileprivate func checkEvents() async throws {
        try await shell("g1", "ask GET '/1.0/events?type=config,device' > /run/heard 2>&1 & echo $! > /run/listener")
        try await eventually("the guest listens") { try await shell("g1", "cat /run/heard").contains("nosniff") }
        try await configure("g1", ["user.live": "1", "limits.processes": "500"])
        try await lx("config", "device", "add", "g1", "gone", "none")
        try await lx("config", "device", "remove", "g1", "gone")
        try await configure("g1", ["cloud-init.vendor-data": "x"])
        try await eventually("the guest was told") { try await shell("g1", "cat /run/heard").contains("vendor-data") }
        try await shell("g1", "kill $(cat /run/listener)")
        let heard = try await shell("g1", "cat /run/heard")
        #expect(heard.hasPrefix("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"))
        #expect(heard.contains("\"metadata\":{\"key\":\"user.live\",\"old_value\":\"\",\"value\":\"1\"}"))
        #expect(heard.contains("\"metadata\":{\"action\":\"added\",\"config\":{\"type\":\"none\"},\"name\":\"gone\"}"))
        #expect(
            heard.contains("\"metadata\":{\"action\":\"removed\",\"config\":{\"type\":\"none\"},\"name\":\"gone\"}"))
        #expect(heard.contains("\"key\":\"cloud-init.vendor-data\""))
        #expect(!heard.contains("limits.processes") && !heard.contains("volatile"))
    }

    /// What cloud-init goes by is new when what it is told is.
    fileprivate func checkIdentity() async throws {
        func id() async throws -> String? { try await instance("g1").config["volatile.cloud-init.instance-id"] }
        let first = try await id()
        try await configure("g1", ["user.other": "1", "limits.processes": "400"])
        #expect(try await id() == first)
        try await configure("g1", ["cloud-init.user-data": "#cloud-config\n{}"])
        let second = try await id()
        #expect(second != first)
        try await lx("profile", "set", "default", "user.network-config=version: 2")
        let third = try await id()
        #expect(third != second)
        try await lx("profile", "set", "default", "user.else=1")
        #expect(try await id() == third)
        #expect(try await ask("g1", "GET", "/1.0/config/user.network-config")[2] == "version: 2")
    }

    fileprivate func checkRestart() async throws {
        for guest in ["g1", "g2"] { #expect(try await ask(guest, "GET", "/")[0] == "200") }
        try await kill()
        try await start()
        for guest in ["g1", "g2"] { #expect(try await ask(guest, "GET", "/1.0/config/user.none")[0] == "404") }
        try await stop()
        try await start()
        for guest in ["g1", "g2"] {
            #expect(try await ask(guest, "GET", "/1.0/meta-data")[2].contains("hostname: \(guest)\n"))
        }
    }

    /// `security.devlxd`, on the instance and by a profile, while it runs and at a start.
    fileprivate func checkSwitch() async throws {
        try await configure("g1", ["security.devlxd": "false"])
        #expect(try await exec("g1", "test", "-e", "/dev/lxd/sock").status == 1)
        try await configure("g1", ["security.devlxd": ""])
        #expect(try await ask("g1", "GET", "/")[0] == "200")
        try await lx("profile", "set", "default", "security.devlxd=false")
        for guest in ["g1", "g2"] { #expect(try await exec(guest, "test", "-e", "/dev/lxd/sock").status == 1) }
        try await stop("g1", force: true)
        try await start("g1")
        #expect(try await exec("g1", "test", "-e", "/dev/lxd").status == 1)
        try await lx("profile", "unset", "default", "security.devlxd")
        for guest in ["g1", "g2"] { #expect(try await ask(guest, "GET", "/")[0] == "200") }
    }

    fileprivate func checkImages() async throws {
        let secret =
            try await client.call(API.images.list, as: [Image].self, query: ["recursion": "1"]).first?.fingerprint ?? ""
        try await configure("g1", ["security.devlxd.images": "true"])
        // One that is neither public nor cached is nobody's business.
        #expect(try await ask("g1", "GET", "/1.0/images/\(secret)/export")[0] == "404")
        try await lx("image", "edit", secret, input: .text("public: true\n"))
        #expect(try await ask("g1", "GET", "/1.0/images/\(secret.prefix(12))/export")[0] == "404")
        try await shell("g1", "ask GET /1.0/images/\(secret)/export | sed '1,/^\\r$/d' | sha256sum | grep -q \(secret)")
    }

    fileprivate func checkIdleStrangers() async throws {
        try await shell("g1", "touch /run/idle && chown 1000 /run/idle")
        let idle = Task {
            try await exec(
                "g1", Instance.Exec(command: ["sh", "-c", "ask idle 64 8 > /run/idle 2>&1"], user: 1000))
        }
        try await eventually("they are open") { try await shell("g1", "cat /run/idle").contains("all are open") }
        for _ in 0..<3 {
            let answer = try await within(.seconds(5), "the answer to root") { try await self.ask("g1", "GET", "/1.0") }
            #expect(answer[0] == "200")
        }
        #expect(try await idle.value.status == 0)
        // None is kept: most at once, the others soon.
        #expect(try await shell("g1", "tail -n 1 /run/idle") == "64")
        let stranger = try await exec("g1", Instance.Exec(command: ["ask", "GET", "/1.0"], user: 1000))
        #expect(stranger.text.hasSuffix("Access denied for non-root user\n"))
        // Who follows events stays, however long nothing happens.
        try await shell("g1", "ask GET /1.0/events > /run/heard 2>&1 & echo $! > /run/listener")
        try await eventually("root listens") { try await shell("g1", "cat /run/heard").contains("nosniff") }
        try await shell("g1", "ask idle 20 33 > /run/rooted; tail -n 1 /run/rooted > /run/closed")
        #expect(try await shell("g1", "cat /run/closed") == "20")
        try await configure("g1", ["user.late": "1"])
        try await eventually("root was told") { try await shell("g1", "cat /run/heard").contains("user.late") }
        try await shell("g1", "kill $(cat /run/listener)")
    }

    fileprivate func checkFlood() async throws {
        // So many and no more; whoever holds them keeps nobody else from anything.
        let held = Task { try await exec("g1", "ask", "open", "300") }
        #expect(try await ask("g2", "GET", "/")[0] == "200")
        #expect(try await lx("list", "-f", "csv", "-c", "n") == "g1\ng2\n")
        let open = Int(try await held.value.text.split(separator: "\n").first ?? "") ?? 0
        #expect(open > 0 && open <= 32)
        try await eventually("its connections are given back") { try await exec("g1", "ask", "GET", "/").status == 0 }
        let long = String(repeating: "x", count: 60_000)
        #expect(try await ask("g1", "GET", "/1.0/config/user.\(long)")[0] != "200")
        #expect(try await ask("g1", "PATCH", "/1.0", long)[0] == "400")
        #expect(try await ask("g2", "GET", "/")[0] == "200")
    }
}
