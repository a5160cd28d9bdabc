import CLexLinux
import Glibc
import LexHost
import LexIPC
import LexTestKit
import Testing

/// A copy is what was copied, whatever a guest has made of it.
@Suite struct TreeCopyTests {
    private func copy(
        _ source: String, to target: String, _ attributes: TreeCopy.OverlayAttributes = .kept,
        isCancelled: @escaping () -> Bool = { false }
    ) throws {
        try TreeCopy(linkDirectory: target + ".links", overlayAttributes: attributes, isCancelled: isCancelled)
            .copy(source, to: target)
    }

    private func look(_ path: String) throws -> stat {
        var status = stat()
        try checked("look at", path) { lstat(path, &status) }
        return status
    }

    @Test func keepsEverything() async throws {
        try await withTemporaryDirectory { directory in
            try NastyTree.make(directory + "/a", overlay: true)
            try copy(directory + "/a", to: directory + "/b")
            try removeTree(directory + "/b.links")
            let made = try NastyTree.describe(directory + "/b")
            #expect(made == (try NastyTree.describe(directory + "/a")))
            #expect(made.count >= 25)
            #expect(try look(directory + "/b/sparse").st_blocks * 512 < 1 << 20, "holes stay holes")
            let odd = try OwnedDescriptor.directory(directory + "/b/dir")
            let raw: [CChar] = [CChar(bitPattern: 0xff), CChar(bitPattern: 0xfe), 0]
            #expect(faccessat(odd.number, raw, F_OK, 0) == 0, "a name that is no text")
        }
    }

    /// As btrfs and xfs do: contents are shared, not copied.
    @Test func sharesContentsWhereTheFileSystemCan() async throws {
        try await LoopFileSystem.with("btrfs") { directory in
            try NastyTree.make(directory + "/a", overlay: true)
            let file = try OwnedDescriptor.open(directory + "/a/large", O_WRONLY | O_CREAT)
            let part = [UInt8](unsafeUninitializedCapacity: 1 << 20) { bytes, count in
                for index in 0..<(1 << 20) { bytes[index] = UInt8.random(in: 0...255) }
                count = 1 << 20
            }
            for _ in 0..<48 { try file.writeAll(part, to: "large") }
            try checked("write out", directory) { lex_syncfs(file.number) }
            let before = try LoopFileSystem.used(directory)
            try copy(directory + "/a", to: directory + "/b")
            try removeTree(directory + "/b.links")
            try checked("write out", directory) { lex_syncfs(file.number) }
            #expect(try NastyTree.describe(directory + "/b") == (try NastyTree.describe(directory + "/a")))
            #expect(try LoopFileSystem.used(directory) - before < 16 << 20)
        }
    }

    /// From one file system to another, the kernel copies nothing by itself.
    @Test func crossesFileSystems() async throws {
        try await LoopFileSystem.with("btrfs") { other in
            try await withTemporaryDirectory { directory in
                try NastyTree.make(directory + "/a", overlay: true)
                try copy(directory + "/a", to: other + "/b")
                try removeTree(other + "/b.links")
                #expect(try NastyTree.describe(other + "/b") == (try NastyTree.describe(directory + "/a")))
                #expect(try look(other + "/b/sparse").st_blocks * 512 < 1 << 20, "holes stay holes")
            }
        }
    }

    @Test func leavesOutWhatIsOverlayfsOwn() async throws {
        try await withTemporaryDirectory { directory in
            try NastyTree.make(directory + "/a", overlay: true)
            try copy(directory + "/a", to: directory + "/b", .dropped)
            let kept = try NastyTree.describe(directory + "/a").filter { $0.contains("trusted.overlay.") }
            #expect(kept.count == 2)
            #expect(try NastyTree.describe(directory + "/b").filter { $0.contains("trusted.overlay.") } == [])
        }
    }

    @Test func followsNoLink() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/outside")
            try replaceFile(directory + "/outside/secret", Array("s".utf8))
            symlink(directory + "/outside", directory + "/link")
            #expect(throws: SystemError.self) { try copy(directory + "/link", to: directory + "/b") }
            try makeDirectories(directory + "/a")
            symlink(directory + "/outside", directory + "/a/link")
            try copy(directory + "/a", to: directory + "/c")
            #expect(try look(directory + "/c/link").st_mode & S_IFMT == S_IFLNK)
            #expect(try directoryNames(directory + "/outside") == ["secret"])
        }
    }

    @Test(arguments: [63, 64, 65, 66, 200, 3000]) func takesAnyDepth(_ depth: Int) async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/a")
            var place = try OwnedDescriptor.directory(directory + "/a")
            for _ in 0..<depth {
                try checked("make", "d") { mkdirat(place.number, "d", 0o750) }
                let next = try checked("open", "d") { openat(place.number, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
                place = OwnedDescriptor(taking: next)
            }
            close(try checked("make", "file") { openat(place.number, "file", O_WRONLY | O_CREAT, 0o600) })
            try copy(directory + "/a", to: directory + "/b")
            place = try OwnedDescriptor.directory(directory + "/b")
            for _ in 0..<depth {
                var status = stat()
                try checked("look at", "d") { fstatat(place.number, "d", &status, 0) }
                #expect(status.st_mode & 0o7777 == 0o750)
                let next = try checked("open", "d") { openat(place.number, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
                place = OwnedDescriptor(taking: next)
            }
            #expect(faccessat(place.number, "file", F_OK, 0) == 0)
        }
    }

    @Test func canBeCancelled() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/a")
            for number in 0..<100 { try replaceFile(directory + "/a/\(number)", []) }
            var asked = 0
            let end = {
                asked += 1
                return asked > 20
            }
            let error = #expect(throws: SystemError.self) {
                try copy(directory + "/a", to: directory + "/b", isCancelled: end)
            }
            #expect(error?.code == ECANCELED)
            #expect(try directoryNames(directory + "/b").count < 30)
        }
    }

    @Test func aFullDiskIsAnError() async throws {
        try await LoopFileSystem.with("ext4", megabytes: 16) { small in
            try await withTemporaryDirectory { directory in
                try makeDirectories(directory + "/a")
                try replaceFile(directory + "/a/large", [UInt8](repeating: 1, count: 24 << 20))
                let error = #expect(throws: SystemError.self) { try copy(directory + "/a", to: small + "/b") }
                #expect(error?.code == ENOSPC)
            }
        }
    }
}
