import Glibc
import LexHost
import LexIPC
import LexTestKit
import Testing

@Suite struct RemoveTreeTests {
    private func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private func touch(_ path: String, _ text: String = "x") throws {
        try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL).writeAll(text.utf8, to: path)
    }

    /// Directories in directories, made by descriptor: the path would be far too long for the kernel.
    private func makeChain(_ path: String, depth: Int, named name: String) throws {
        var directory = try OwnedDescriptor.directory(path)
        for _ in 0..<depth {
            try checked("make", name) { mkdirat(directory.number, name, 0o700) }
            directory = OwnedDescriptor(
                taking: try checked("open", name) {
                    openat(directory.number, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                })
        }
        let file = try checked("make", "a file") {
            openat(directory.number, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        }
        close(file)
    }

    @Test func removesWhatEverIsThere() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree/a/b/c")
            try touch(directory + "/tree/a/file")
            mkfifo(directory + "/tree/a/fifo", 0o600)
            symlink("/nonexistent", directory + "/tree/dangling")
            chmod(directory + "/tree/a/file", 0)
            try removeTree(directory + "/tree")
            #expect(!exists(directory + "/tree"))
            try removeTree(directory + "/tree")
            try removeTree(directory + "/none/below")
            try touch(directory + "/file")
            try removeTree(directory + "/file")
            #expect(try directoryNames(directory).isEmpty)
        }
    }

    @Test func aSlashAtTheEndIsNoOtherPlace() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree/a")
            try removeTree(directory + "/tree//")
            #expect(!exists(directory + "/tree"))
        }
    }

    @Test func followsNoLink() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/outside/below")
            try touch(directory + "/outside/file")
            try makeDirectories(directory + "/tree/a")
            symlink(directory + "/outside", directory + "/tree/link")
            symlink("../../outside", directory + "/tree/a/link")
            symlink(directory + "/outside", directory + "/itself")
            try removeTree(directory + "/tree")
            try removeTree(directory + "/itself")
            #expect(try directoryNames(directory) == ["outside"])
            #expect(try directoryNames(directory + "/outside") == ["below", "file"])
        }
    }

    @Test(arguments: [63, 64, 65, 200, 5000]) func noDepthIsTooMuch(_ depth: Int) async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree")
            try makeChain(directory + "/tree", depth: depth, named: "d")
            try removeTree(directory + "/tree")
            #expect(!exists(directory + "/tree"))
        }
    }

    /// A guest that knows this program names its directories to be in the way.
    @Test func namesOfTheGuestAreNotInTheWay() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree")
            for name in [".lexd-1", ".lexd-2"] {
                try makeDirectories("\(directory)/tree/\(name)/x")
                try touch("\(directory)/tree/\(name)/file")
                try makeChain("\(directory)/tree/\(name)", depth: 150, named: ".lexd-1")
            }
            try removeTree(directory + "/tree")
            #expect(!exists(directory + "/tree"))
        }
    }

    @Test func manyNamesAndOddOnes() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree")
            for number in 0..<2000 { try touch("\(directory)/tree/\(number)") }
            for name in [" ", "\n", "...", "-rf", String(repeating: "n", count: 255), "ü", "*"] {
                try touch("\(directory)/tree/\(name)")
            }
            // A name that is no UTF-8.
            let odd: [CChar] = Array((directory + "/tree/").utf8CString.dropLast()) + [CChar(bitPattern: 0xff), 0]
            let number = open(odd, O_WRONLY | O_CREAT, 0o600)
            #expect(number >= 0)
            close(number)
            try removeTree(directory + "/tree")
            #expect(!exists(directory + "/tree"))
        }
    }

    @Test func aDirectoryThatCannotBeReadIsSaid() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree/closed/below")
            chmod(directory + "/tree/closed", 0)
            if geteuid() == 0 {
                try removeTree(directory + "/tree")
                #expect(!exists(directory + "/tree"))
            } else {
                let error = #expect(throws: SystemError.self) { try removeTree(directory + "/tree") }
                #expect(error?.code == EACCES)
                chmod(directory + "/tree/closed", 0o700)
            }
        }
    }
}

@Suite struct TreeSizeTests {
    private func write(_ path: String, bytes: Int) throws {
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL)
        try file.writeAll([UInt8](repeating: 1, count: bytes), to: path)
        fsync(file.number)
    }

    @Test func countsEachFileOnceAndNoLink() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/tree/a")
            let empty = try treeSize(directory + "/tree")
            try write(directory + "/tree/a/file", bytes: 1 << 20)
            let one = try treeSize(directory + "/tree")
            #expect(one - empty >= 1 << 20 && one - empty < 1 << 21)
            // Other names of the same file, here and below, cost nothing.
            #expect(link(directory + "/tree/a/file", directory + "/tree/again") == 0)
            #expect(try treeSize(directory + "/tree") - one < 65536)
            try write(directory + "/outside", bytes: 1 << 20)
            symlink(directory + "/outside", directory + "/tree/link")
            symlink("/", directory + "/tree/root")
            #expect(try treeSize(directory + "/tree") - one < 65536)
            #expect(try treeSize(directory + "/none") == 0)
        }
    }

    @Test func theDeepestAndTheOddlyNamedCount() async throws {
        try await withTemporaryDirectory { directory in
            var path = directory
            for depth in 1...800 {
                path += "/d"
                try checked("make", path) { mkdir(path, 0o700) }
                // The one is counted, the other is not: a depth without end would cost memory without end.
                if depth == 128 || depth == 800 { try write(path + "/file", bytes: 1 << 20) }
            }
            let deep = try treeSize(directory)
            #expect(deep >= 1 << 20 && deep < 2 << 20)
            // A directory whose name is no UTF-8.
            let odd: [CChar] = Array((directory + "/").utf8CString.dropLast()) + [CChar(bitPattern: 0xff), 0]
            try checked("make", "a directory") { mkdir(odd, 0o700) }
            try write(directory + "/file", bytes: 1 << 20)
            try checked("rename", "a file") {
                rename(directory + "/file", odd.dropLast() + Array("/file".utf8CString))
            }
            let both = try treeSize(directory)
            #expect(both - deep >= 1 << 20)
        }
    }
}

@Suite struct WrittenFileTests {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test func filesAreReplacedAsAWhole() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/file"
            try replaceFile(path, "one".utf8)
            #expect(mode(path) == 0o600)
            try replaceFile(path, "two".utf8, mode: 0o640)
            #expect(try readFile(path) == "two" && mode(path) == 0o640)
            // What a crash left is no hindrance; a link in its place is not followed.
            symlink("/nonexistent/target", path + ".new")
            try replaceFile(path, "three".utf8)
            #expect(try readFile(path) == "three")
            #expect(try directoryNames(directory) == ["file"])
        }
    }

    @Test func placedFilesHaveTheirMode() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/file"
            try placeFile(path, "text", mode: 0o644, group: getgid())
            #expect(try readFile(path) == "text" && mode(path) == 0o644)
            try placeFile(path, "", mode: 0o600)
            #expect(try readFile(path) == "" && mode(path) == 0o600)
            #expect(try directoryEntries(directory) == ["file"])
            #expect(throws: SystemError.self) { try placeFile(directory + "/none/file", "x", mode: 0o600) }
            try placeDirectory(directory + "/sub", mode: 0o750)
            try placeDirectory(directory + "/sub", mode: 0o711)
            #expect(mode(directory + "/sub") == 0o711)
            try removeDirectory(directory + "/sub")
            try removeDirectory(directory + "/sub")
            try removeFile(path)
            try removeFile(path)
            #expect(try directoryEntries(directory).isEmpty)
            #expect(try directoryEntries(directory + "/none").isEmpty)
        }
    }

    @Test func directoriesAreMadeWithThoseAbove() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/a/b/c", mode: 0o700)
            try makeDirectories(directory + "/a/b/c")
            #expect(mode(directory + "/a/b/c") == 0o700)
            // Those above let others pass, but not look.
            #expect(mode(directory + "/a/b") & 0o066 == 0)
            try OwnedDescriptor.open(directory + "/file", O_WRONLY | O_CREAT).writeAll([], to: "file")
            let error = #expect(throws: SystemError.self) { try makeDirectories(directory + "/file/below") }
            #expect(error?.code == ENOTDIR)
            #expect(throws: SystemError.self) { try directoryNames(directory + "/none") }
        }
    }

    @Test func onlyRootsOwnClosedDirectoryIsClosed() async throws {
        try await withTemporaryDirectory { directory in
            try makeDirectories(directory + "/pool", mode: 0o700)
            symlink(directory + "/pool", directory + "/link")
            if geteuid() == 0 {
                #expect(throws: Never.self) { try checkClosedDirectory(directory + "/pool") }
                #expect(throws: OpenDirectory.self) { try checkClosedDirectory(directory + "/link") }
            }
            for mode in [0o755, 0o701, 0o710, 0o704] as [mode_t] {
                chmod(directory + "/pool", mode)
                let error = #expect(throws: OpenDirectory.self) { try checkClosedDirectory(directory + "/pool") }
                #expect(error?.description.contains("chmod 0700 '\(directory)/pool'") == true)
            }
            #expect(throws: SystemError.self) { try checkClosedDirectory(directory + "/none") }
        }
    }
}
