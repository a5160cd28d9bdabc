import LexAPI
import LexClient
import LexHost
import LexIPC
import LexTestKit
import Testing

extension SystemTests {
    /// Profiles, and what becomes of the instances with them.
    @Suite struct ProfilesInUse {
        /// A change reaches all that run, or none of them.
        @Test func aChangeReachesThoseThatRun() async throws {
            try await withDaemon { try await $0.changeProfileOfMany() }
        }

        @Test func aChangeThatOneCannotTakeIsNoOnes() async throws {
            try await withDaemon { try await $0.refuseChangeOfProfile() }
        }

        /// Those of virtual machines are kept for servers that have such, and what is not there is refused.
        @Test func whatAProfileMayName() async throws {
            try await withDaemon { daemon in
                try await daemon.lx("profile", "create", "p1")
                try await daemon.lx("profile", "set", "p1", "security.secureboot=false", "raw.qemu=-x")
                try await daemon.launch("c1", profiles: ["default", "p1"])
                let own = try await daemon.lx.run("config", "set", "c1", "security.secureboot=false")
                #expect(own.status == 1 && own.errors.contains("security.secureboot"))
                let nic = try await daemon.lx.run("profile", "device", "add", "p1", "e9", "nic", "network=nosuch")
                #expect(nic.status == 1 && nic.errors.contains("\"e9\"") && nic.errors.contains("\"nosuch\""))
                let made = await #expect(throws: APIError.self) {
                    try await daemon.client.call(
                        API.profiles.create,
                        body: Profile.Creation(name: "p2", devices: ["e9": ["type": "nic", "network": "nosuch"]]))
                }
                #expect(made?.status == 400)
            }
        }

        @Test(arguments: ClientProgram.allCases)
        func theCommandsOfProfiles(_ name: ClientProgram) async throws {
            try await withDaemon { try await $0.useProfileCommands(name) }
        }
    }
}

extension DaemonFixture {
    private func processLimit(_ name: String) throws -> String {
        try readFile("\(cgroup(name, "pids"))/pids.max").filter { $0 != "\n" }
    }

    fileprivate func changeProfileOfMany() async throws {
        try await client.call(
            API.profiles.create, body: Profile.Creation(name: "small", config: ["limits.processes": "50"]))
        for name in ["c1", "c2", "c3"] { try await launch(name, profiles: ["default", "small"]) }
        try await create("idle", profiles: ["default", "small"])
        try await launch("own", config: ["limits.processes": "60"], profiles: ["default", "small"])
        #expect(try processLimit("c1") == "50")
        try await lxc("profile", "set", "small", "limits.processes=70", "limits.memory=100MiB")
        for name in ["c1", "c2", "c3"] {
            #expect(try processLimit(name) == "70")
            #expect(try MemoryLimit.read(cgroup(name, "memory")) == 100 << 20)
        }
        #expect(try processLimit("own") == "60")
        #expect(try MemoryLimit.read(cgroup("own", "memory")) == 100 << 20)
        try await start("idle")
        #expect(try processLimit("idle") == "70")
        // Taken back, and spread over the CPUs.
        try await lx("profile", "unset", "small", "limits.memory")
        try await lx("profile", "set", "small", "limits.cpu=1")
        #expect(try MemoryLimit.read(cgroup("c1", "memory")) == nil)
        #expect(try await shell("c1", "nproc") == "1")
        try await lx("profile", "unset", "small", "limits.cpu")
        let online = CPUs.online()
        #expect(try await shell("c1", "nproc") == "\(online)")
    }

    fileprivate func refuseChangeOfProfile() async throws {
        try await client.call(
            API.profiles.create, body: Profile.Creation(name: "small", config: ["limits.processes": "50"]))
        // Two use more memory than the change lets them have; the others have a limit of their own and could take it.
        for name in ["c1", "c2"] {
            try await launch(name, config: ["limits.memory": "512MiB"], profiles: ["default", "small"])
        }
        for name in ["c3", "c4"] {
            try await launch(name, profiles: ["default", "small"])
            try await shell(
                name, "mount -t tmpfs -o size=100M tmpfs /tmp; dd if=/dev/zero of=/tmp/x bs=1M count=64 2>/dev/null")
        }
        // With unified control groups the kernel takes any limit, and ends processes.
        if try !CgroupLayout.detect().isUnified {
            let change = Profile.Update(
                description: nil, config: ["limits.processes": "70", "limits.memory": "16MiB"], devices: nil)
            let error = await #expect(throws: APIError.self) {
                try await client.call(API.profiles.patch, path: ["name": "small"], body: change)
            }
            let text = error?.message ?? ""
            #expect(text.contains("\"c3\"") && text.contains("\"c4\""), "\(text)")
            #expect(!text.contains("\"c1\"") && !text.contains("\"c2\""), "\(text)")
            for name in ["c1", "c2", "c3", "c4"] { #expect(try processLimit(name) == "50") }
            #expect(
                try await client.call(API.profiles.get, path: ["name": "small"]).config == ["limits.processes": "50"])
        }
        // One that does not run is asked as well.
        try await client.call(
            API.storagePools.create, body: StoragePool.Creation(name: "other", driver: "overlay"))
        try await create("idle", profiles: ["default", "small"])
        let moved = Profile.Update(
            description: nil, config: ["limits.processes": "80"],
            devices: ["root": ["type": "disk", "path": "/", "pool": "other"]])
        let refusal = await #expect(throws: APIError.self) {
            try await client.call(API.profiles.patch, path: ["name": "small"], body: moved)
        }
        #expect(refusal?.status == 400)
        #expect(refusal?.message.contains("\"idle\"") == true, "\(String(describing: refusal))")
        #expect(try processLimit("c1") == "50")
    }

    fileprivate func useProfileCommands(_ name: ClientProgram) async throws {
        let program = program(name)
        #expect(try await program("profile", "create", "web") == "Profile web created\n")
        try await program("profile", "set", "web", "limits.processes=80")
        try await launch("c1", profiles: ["default", "web"])
        #expect(try await program("profile", "rename", "web", "www") == "Profile web renamed to www\n")
        #expect(try await instance("c1").profiles == ["default", "www"])
        #expect(try await client.call(API.profiles.get, path: ["name": "www"]).usedBy == ["/1.0/instances/c1"])
        try await program("profile", "set", "www", "limits.processes=90")
        #expect(try processLimit("c1") == "90")
        #expect(try await program("profile", "copy", "www", "copy") == "")
        #expect(try await program("profile", "get", "copy", "limits.processes") == "90\n")
        let taken = try await program.run("profile", "copy", "www", "copy")
        #expect(taken.status == 1 && taken.errors.contains("already exists"), "\(taken)")
        for (old, new) in [("www", "copy"), ("default", "x"), ("gone", "x"), ("www", "a/b")] {
            let refused = try await program.run("profile", "rename", old, new)
            #expect(refused.status == 1, "\(refused)")
        }
        // Another project that shares profiles and volumes: the change holds each volume once.
        try await program("storage", "volume", "create", "default", "shared")
        try await program(
            "project", "create", "q", "-c", "features.profiles=false", "-c", "features.images=false", "-c",
            "features.storage.volumes=false")
        try await program("--project", "q", "init", "busybox", "c9", "-p", "default", "-p", "www")
        try await program(
            "profile", "device", "add", "www", "data", "disk", "pool=default", "source=shared", "path=/data")
        #expect(try await shell("c1", "grep -c ' /data ' /proc/mounts") == "1")
        try await program("profile", "device", "remove", "www", "data")
        try await program("--project", "q", "delete", "c9")
        try await program("project", "delete", "q")
        try await program("storage", "volume", "delete", "default", "shared")
        try await program("project", "create", "p")
        try await program("profile", "copy", "www", "www", "--target-project", "p")
        #expect(try await program("--project", "p", "profile", "get", "www", "limits.processes") == "90\n")
        let used = try await program.run("profile", "delete", "www")
        #expect(used.status == 1 && used.errors.contains("in use"), "\(used)")
        // A lexd that comes later knows it by its new name.
        try await kill()
        try await start()
        #expect(try await instance("c1").expandedConfig["limits.processes"] == "90")
        try await stop("c1", force: true)
        try await start("c1")
        #expect(try processLimit("c1") == "90")
    }
}

private enum CPUs {
    /// How many there are.
    static func online() -> Int {
        var count = 0
        for part in ((try? readFile("/sys/devices/system/cpu/online")) ?? "0").split(whereSeparator: {
            ",\n".contains($0)
        }) {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            count += (ends.last ?? 0) - (ends.first ?? 0) + 1
        }
        return count
    }
}
