import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStorage
import LexTestKit
import Logging
import Testing

/// Roots that are stored for the ids of their instances.
@Suite struct DirectoryDriverTests {
    private let web: VolumeName
    private let copy: VolumeName
    private let ids = IDMap(first: 200_000, count: 65536)
    private let others = IDMap(
        first: 300_000, count: 65536, users: [IDRange(inside: 33, host: 33, count: 1)],
        groups: [IDRange(inside: 12, host: 77, count: 1)])

    init() throws {
        web = VolumeName(project: "default", instance: try InstanceName("web"))
        copy = VolumeName(project: "default", instance: try InstanceName("copy"))
    }

    /// - Parameter body: Is given the directory of the volume `web`, and what its root is like with the ids inside.
    private func withRoot(
        _ body: (_ directory: String, _ plain: [String], _ driver: DirectoryDriver) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/pool"
            let driver = DirectoryDriver(path: path, logger: Logger(label: "test"))
            try await driver.createPool()
            try await driver.openPool()
            let web = path + "/containers/web"
            try await driver.create(self.web, from: nil)
            try removeTree(web + "/rootfs")
            try NastyTree.make(web + "/rootfs", overlay: false)
            // A list that gives user 5 and group 6 rights of their own (acl(5)).
            let list: [UInt8] =
                [2, 0, 0, 0] + entry(0x01, 7, .max) + entry(0x02, 4, 5) + entry(0x04, 4, .max) + entry(0x08, 6, 6)
                + entry(0x10, 7, .max) + entry(0x20, 0, .max)
            try checked("set a list of", web) {
                lex_set_attribute_at(web + "/rootfs/plain", "system.posix_acl_access", list, list.count)
            }
            try await body(web, try NastyTree.describe(web + "/rootfs"), driver)
        }
    }

    private func entry(_ kind: UInt8, _ rights: UInt8, _ id: UInt32) -> [UInt8] {
        [kind, 0, rights, 0] + withUnsafeBytes(of: id.littleEndian) { Array($0) }
    }

    private func owner(_ path: String) throws -> [UInt32] {
        var status = stat()
        try checked("look at", path) { lstat(path, &status) }
        return [status.st_uid, status.st_gid, status.st_mode & 0o7777]
    }

    private func attribute(_ path: String, _ name: String) throws -> [UInt8] {
        var value = [UInt8](repeating: 0, count: 1024)
        let count = try checked("read \(name) of", path) { lex_get_attribute(path, name, &value, value.count) }
        return Array(value.prefix(count))
    }

    @Test func aRootIsStoredForTheIdsOfItsInstance() async throws {
        try await withRoot { directory, plain, driver in
            try await driver.setOwners(of: web, to: ids)
            #expect(try await driver.owners(of: web) == ids)
            let root = directory + "/shifted/rootfs"
            #expect(try await driver.root(of: web, from: nil) == .shiftedDirectory(root))
            #expect(try directoryNames(directory) == ["shifted"])
            // The setuid bit stays, a link's own owner changes and not that of what it leads to.
            #expect(try owner(root + "/su") == [201_000, 201_001, 0o6755])
            #expect(try owner(root + "/outside").prefix(2) == [201_000, 200_100])
            #expect(try owner(root + "/fifo").prefix(2) == [200_005, 200_006])
            #expect(try owner(root + "/high").prefix(2) == [265_535, 265_534])
            // What names ids inside of attributes as well: version 3 with the root of the namespace at its end.
            let capability = try attribute(root + "/capable", "security.capability")
            #expect(capability.count == 24 && capability[3] == 3)
            #expect(capability.suffix(4) == withUnsafeBytes(of: UInt32(200_000).littleEndian) { Array($0) })
            let list = try attribute(root + "/plain", "system.posix_acl_access")
            #expect(list[4 + 8..<4 + 16] == ArraySlice(entry(0x02, 4, 200_005)))
            #expect(list[4 + 24..<4 + 32] == ArraySlice(entry(0x08, 6, 200_006)))

            // The same again is nothing; others are made from these, with some of the host's own among them.
            try await driver.setOwners(of: web, to: ids)
            try await driver.setOwners(of: web, to: others)
            #expect(try owner(root + "/plain").prefix(2) == [33, 77])
            #expect(try owner(root + "/su").prefix(2) == [301_000, 301_001])
            try await driver.setOwners(of: web, to: .none)
            #expect(try await driver.root(of: web, from: nil) == .directory(directory + "/rootfs"))
            #expect(try NastyTree.describe(directory + "/rootfs") == plain)
            #expect(try directoryNames(directory) == ["rootfs"])
        }
    }

    /// A copy, a snapshot, and what goes to another pool have the ids inside.
    @Test func whatIsMadeOfItHasTheIdsInside() async throws {
        try await withRoot { directory, plain, driver in
            try await driver.setOwners(of: web, to: ids)
            try await driver.copy(web, to: copy)
            #expect(try NastyTree.describe(directory + "/../copy/rootfs") == plain)
            try await driver.delete(copy)
            try await driver.create(copy, holding: try await driver.tree(of: web, from: nil))
            #expect(try NastyTree.describe(directory + "/../copy/rootfs") == plain)
            try await driver.takeSnapshot(web.snapshot("one"), of: web, from: nil)
            #expect(try NastyTree.describe(directory + "/snapshots/one/rootfs") == plain)
            #expect(try await driver.owners(of: web) == ids)

            try removeFile(directory + "/shifted/rootfs/plain")
            try await driver.restore(web, from: web.snapshot("one"))
            #expect(try await driver.owners(of: web) == .none)
            #expect(try NastyTree.describe(directory + "/rootfs") == plain)
            #expect(try directoryNames(directory) == ["rootfs", "snapshots"])
        }
    }

    /// Both are there after a crash at the worst moment: then one is whole, and the other is what it was made from.
    @Test func aChangeThatWasCutShortIsFinished() async throws {
        try await withRoot { directory, plain, driver in
            try await driver.setOwners(of: web, to: ids)
            try makeDirectories(directory + "/rootfs/half")
            #expect(try await driver.owners(of: web) == ids)
            try await driver.setOwners(of: web, to: ids)
            #expect(try directoryNames(directory) == ["shifted"])
            try makeDirectories(directory + "/rootfs/half")
            try await driver.setOwners(of: web, to: .none)
            #expect(try NastyTree.describe(directory + "/rootfs") == plain)
            try await driver.sweep()
            #expect(try directoryNames(directory + "/../..").filter { $0.hasPrefix(".") } == [])
        }
    }
}
