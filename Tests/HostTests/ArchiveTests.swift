import Foundation
import Glibc
import LexHost
import LexIPC
import Testing

@Suite struct ArchiveTests {
    @Test func debian() async throws {
        let dir = "/var/tmp/lexd-test-\(getpid())"
        try? FileManager.default.createDirectory(atPath: dir + "/t", withIntermediateDirectories: true)
        try? FileManager.default.createDirectory(atPath: dir + "/m", withIntermediateDirectories: true)
        defer { _ = try? removeTree(dir) }
        let settings = ConfinementSettings(
            programs: HelperPrograms(directory: "/work/main/.build/debug"), mountPoint: dir + "/m", firstID: 100000)
        let input = try OwnedDescriptor.open(ProcessInfo.processInfo.environment["IMAGE"] ?? "", O_RDONLY)
        let clock = ContinuousClock()
        let start = clock.now
        let result = try await ArchiveProcess(settings).unpackImage(
            input: input.number, into: dir + "/t", limits: ArchiveLimits(bytes: 10 << 30)
        ) { print("progress", $0) }
        print(clock.now - start, result)
        system(
            "ls -la \(dir)/t \(dir)/t/rootfs; getcap \(dir)/t/rootfs/usr/bin/ping; du -sh \(dir)/t; find \(dir)/t | wc -l; cp -a \(dir)/t /var/tmp/axt"
        )
    }
}
