import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
import LexStorage
import LexTestKit
import Logging
import Testing

/// What the driver suite leaves out, for it is the overlay's own.
@Suite struct OverlayDriverTests {
    private let web: VolumeName
    private let copy: VolumeName

    init() throws {
        web = VolumeName(project: "default", instance: try InstanceName("web"))
        copy = VolumeName(project: "default", instance: try InstanceName("copy"))
    }

    private func withPool(_ body: (_ path: String, _ driver: OverlayDriver) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let driver = OverlayDriver(path: directory + "/pool", logger: Logger(label: "test"))
            try await driver.createPool()
            try await driver.openPool()
            try await body(directory + "/pool", driver)
        }
    }

    @Test func aCopyIsTheUpperDirectoryAsItIs() async throws {
        try await withPool { path, driver in
            try await driver.create(web, from: nil)
            try removeTree(path + "/containers/web/upper")
            try NastyTree.make(path + "/containers/web/upper", overlay: true)
            try await driver.prepareBackup([1], of: web)
            try await driver.finishBackup(of: web)
            try await driver.copy(web, to: copy)
            #expect(
                try NastyTree.describe(path + "/containers/copy/upper")
                    == NastyTree.describe(path + "/containers/web/upper"))
            #expect(try directoryNames(path + "/containers") == ["copy", "web"])
            #expect(try directoryNames(path + "/containers/copy") == ["upper", "work"])
            #expect(try await !driver.hasBackup(copy))
            #expect(try await driver.volumes() == [web, copy])
        }
    }

    @Test func aFailedCopyLeavesNothing() async throws {
        try await withPool { path, driver in
            try await driver.create(web, from: nil)
            try await driver.create(copy, from: nil)
            await #expect(throws: SystemError.self) { try await driver.copy(web, to: copy) }
            try await driver.delete(web)
            await #expect(throws: SystemError.self) { try await driver.copy(web, to: web) }
            #expect(try directoryNames(path + "/containers") == ["copy"])
        }
    }

    @Test func aVolumeIsRenamedUnlessTheNameIsTaken() async throws {
        try await withPool { path, driver in
            try await driver.create(web, from: nil)
            try await driver.prepareBackup([1], of: web)
            try await driver.finishBackup(of: web)
            try await driver.rename(web, to: copy)
            #expect(try await driver.volumes() == [copy])
            #expect(try await driver.hasBackup(copy))
            try await driver.create(web, from: nil)
            await #expect(throws: SystemError.self) { try await driver.rename(web, to: copy) }
            #expect(try await driver.hasBackup(copy))
        }
    }
}
