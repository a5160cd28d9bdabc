import CLexLinux
import Glibc
import LexAPI
import LexHost
import LexIPC
package import LexStorage
import Testing

/// What every storage driver must do: each rule is a test of its own, run on a pool that was just made. Needs root.
///
///     @Test(arguments: StorageDriverSuite.allCases) func holds(_ rule: StorageDriverSuite) async throws {
///         try await rule.check(OverlayDriver(path: path, logger: logger), path: path)
///     }
package enum StorageDriverSuite: String, CaseIterable, Sendable {
    case aLayerIsThereWhenItIsFinished
    case theSameLayerTwiceIsOne
    case anInstanceHasTheFilesOfItsLayer
    case anEmptyInstanceIsEmpty
    case aVolumeIsNotMadeTwice
    case aCopyHasTheSameFiles
    case aCopyThatFailsLeavesNothing
    case aRenamedVolumeIsTheSame
    case theSettingsLieBesideTheFiles
    case whatIsDeletedIsGone
    case aCustomVolumeIsADirectory
    case aSnapshotStaysAsItWas
    case aRestoredVolumeIsTheSnapshot
    case snapshotsGoWithTheirVolume
    case aSnapshotOfAnInstanceStaysAsItWas
    case aRestoredInstanceIsTheSnapshot
    case manySnapshotsStayAsTheyWere
    case snapshotsGoWithTheirInstance
    case anInstanceIsMadeFromASnapshot
    case filesGoFromPoolToPool
    case whatACrashLeftIsRemoved
    case aPoolInUseIsNotDeleted
    case aDeletedPoolLeavesItsDirectory
    case anOpenPoolIsRefused

    /// - Parameter path: Where the driver's pool lies: nothing does yet.
    package func check(_ driver: any StorageDriver, path: String) async throws {
        try await driver.createPool()
        try await driver.openPool()
        let pool = Pool(driver: driver, path: path)
        switch self {
        case .aLayerIsThereWhenItIsFinished: try await pool.aLayerIsThereWhenItIsFinished()
        case .theSameLayerTwiceIsOne: try await pool.theSameLayerTwiceIsOne()
        case .anInstanceHasTheFilesOfItsLayer: try await pool.anInstanceHasTheFilesOfItsLayer()
        case .anEmptyInstanceIsEmpty: try await pool.anEmptyInstanceIsEmpty()
        case .aVolumeIsNotMadeTwice: try await pool.aVolumeIsNotMadeTwice()
        case .aCopyHasTheSameFiles: try await pool.aCopyHasTheSameFiles()
        case .aCopyThatFailsLeavesNothing: try await pool.aCopyThatFailsLeavesNothing()
        case .aRenamedVolumeIsTheSame: try await pool.aRenamedVolumeIsTheSame()
        case .theSettingsLieBesideTheFiles: try await pool.theSettingsLieBesideTheFiles()
        case .whatIsDeletedIsGone: try await pool.whatIsDeletedIsGone()
        case .aCustomVolumeIsADirectory: try await pool.aCustomVolumeIsADirectory()
        case .aSnapshotStaysAsItWas: try await pool.aSnapshotStaysAsItWas()
        case .aRestoredVolumeIsTheSnapshot: try await pool.aRestoredVolumeIsTheSnapshot()
        case .snapshotsGoWithTheirVolume: try await pool.snapshotsGoWithTheirVolume()
        case .aSnapshotOfAnInstanceStaysAsItWas: try await pool.aSnapshotOfAnInstanceStaysAsItWas()
        case .aRestoredInstanceIsTheSnapshot: try await pool.aRestoredInstanceIsTheSnapshot()
        case .manySnapshotsStayAsTheyWere: try await pool.manySnapshotsStayAsTheyWere()
        case .snapshotsGoWithTheirInstance: try await pool.snapshotsGoWithTheirInstance()
        case .anInstanceIsMadeFromASnapshot: try await pool.anInstanceIsMadeFromASnapshot()
        case .filesGoFromPoolToPool: try await pool.filesGoFromPoolToPool()
        case .whatACrashLeftIsRemoved: try await pool.whatACrashLeftIsRemoved()
        case .aPoolInUseIsNotDeleted: try await pool.aPoolInUseIsNotDeleted()
        case .aDeletedPoolLeavesItsDirectory: try await pool.aDeletedPoolLeavesItsDirectory()
        case .anOpenPoolIsRefused: try await pool.anOpenPoolIsRefused()
        }
    }
}

/// A pool under test.
private struct Pool {
    let driver: any StorageDriver
    let path: String

    private func fingerprint(_ digit: Character = "a") throws -> Fingerprint {
        try #require(Fingerprint(String(repeating: digit, count: 64)))
    }
    private func instance(_ name: String) throws -> VolumeName {
        VolumeName(project: "default", instance: try InstanceName(name))
    }
    private let data = VolumeName(project: "default", custom: "data")
    private let other = VolumeName(project: "default", custom: "other")

    private func makeLayer() async throws -> Fingerprint {
        let fingerprint = try fingerprint()
        let staging = try await driver.beginLayer(fingerprint)
        try NastyTree.make(staging + "/rootfs", overlay: false)
        #expect(try await driver.finishLayer(fingerprint, from: staging))
        return fingerprint
    }

    /// A volume's files as its instance would see them, one line each.
    private func describe(_ volume: VolumeName, _ fingerprint: Fingerprint? = nil) async throws -> [String] {
        let tree = try await driver.tree(of: volume, from: fingerprint)
        return try NastyTree.describe("/proc/self/fd/\(tree.root.number)/.")
    }

    private func directory(of volume: VolumeName) async throws -> String {
        guard case .directory(let directory) = try await driver.root(of: volume, from: nil) else {
            throw SystemError("find", volume.text, code: ENOTDIR)
        }
        return directory
    }

    private var leftovers: [String] {
        get throws { try directoryNames(path).filter { $0.hasPrefix(".") && !$0.hasPrefix(".removed-") } }
    }

    func aLayerIsThereWhenItIsFinished() async throws {
        let fingerprint = try fingerprint()
        let staging = try await driver.beginLayer(fingerprint)
        try makeDirectories(staging + "/rootfs")
        #expect(try await !driver.hasLayer(fingerprint))
        #expect(try await driver.layers().isEmpty)
        #expect(try await driver.finishLayer(fingerprint, from: staging))
        #expect(try await driver.hasLayer(fingerprint))
        #expect(try await driver.layers() == [fingerprint.text])
        let discarded = try await driver.beginLayer(try self.fingerprint("b"))
        try await driver.discard(staging: discarded)
        #expect(try directoryNames(path + "/images") == [fingerprint.text])
        try await driver.deleteLayer(fingerprint)
        #expect(try await driver.layers().isEmpty)
    }

    func theSameLayerTwiceIsOne() async throws {
        let fingerprint = try await makeLayer()
        let staging = try await driver.beginLayer(fingerprint)
        try makeDirectories(staging + "/rootfs/other")
        #expect(try await !driver.finishLayer(fingerprint, from: staging))
        #expect(access(path + "/images/\(fingerprint)/rootfs/other", F_OK) != 0)
        #expect(try directoryNames(path + "/images") == [fingerprint.text])
    }

    func anInstanceHasTheFilesOfItsLayer() async throws {
        let fingerprint = try await makeLayer()
        let web = try instance("web")
        try await driver.create(web, from: fingerprint)
        let layer = try NastyTree.describe(path + "/images/\(fingerprint)/rootfs/.")
        let found = try await describe(web, fingerprint)
        // The time of the root itself may be its own.
        #expect(found.dropFirst() == layer.dropFirst())
        #expect(layer.count > 20)
        #expect(try await driver.volumes() == [web])
    }

    func anEmptyInstanceIsEmpty() async throws {
        let web = try instance("web")
        try await driver.create(web, from: nil)
        let lines = try await describe(web)
        #expect(lines.count == 1)
        #expect(lines.first?.contains(" 40755 0:0 ") == true)
    }

    func aVolumeIsNotMadeTwice() async throws {
        let web = try instance("web")
        try await driver.create(web, from: nil)
        try await driver.prepareBackup([1], of: web)
        try await driver.finishBackup(of: web)
        await #expect(throws: SystemError.self) { try await driver.create(web, from: nil) }
        #expect(try await driver.hasBackup(web), "the one that is there stays as it is")
        #expect(try leftovers == [])
    }

    func aCopyHasTheSameFiles() async throws {
        let fingerprint = try await makeLayer()
        let (web, copy) = (try instance("web"), try instance("copy"))
        try await driver.create(web, from: fingerprint)
        try await driver.prepareBackup([1], of: web)
        try await driver.finishBackup(of: web)
        try await driver.copy(web, to: copy)
        #expect(try await describe(copy, fingerprint) == (try await describe(web, fingerprint)))
        #expect(try await !driver.hasBackup(copy))
        #expect(try await driver.volumes() == [web, copy])
        #expect(try leftovers == [])
    }

    func aCopyThatFailsLeavesNothing() async throws {
        let (web, copy) = (try instance("web"), try instance("copy"))
        try await driver.create(web, from: nil)
        try await driver.create(copy, from: nil)
        await #expect(throws: SystemError.self) { try await driver.copy(web, to: copy) }
        await #expect(throws: SystemError.self) { try await driver.copy(try instance("none"), to: try instance("new")) }
        #expect(try await driver.volumes() == [web, copy])
        #expect(try leftovers == [])
    }

    func aRenamedVolumeIsTheSame() async throws {
        let fingerprint = try await makeLayer()
        let (web, new) = (try instance("web"), try instance("new"))
        try await driver.create(web, from: fingerprint)
        let before = try await describe(web, fingerprint)
        try await driver.rename(web, to: new)
        #expect(try await driver.volumes() == [new])
        #expect(try await describe(new, fingerprint) == before)
        try await driver.create(web, from: nil)
        await #expect(throws: SystemError.self) { try await driver.rename(web, to: new) }
        #expect(try await describe(new, fingerprint) == before)
    }

    func theSettingsLieBesideTheFiles() async throws {
        let web = try instance("web")
        try await driver.create(web, from: nil)
        #expect(try await !driver.hasBackup(web))
        try await driver.prepareBackup([1, 2], of: web)
        #expect(try await !driver.hasBackup(web))
        #expect(try await driver.hasUnfinishedBackup(web))
        try await driver.finishBackup(of: web)
        #expect(try await driver.hasBackup(web))
        #expect(try await !driver.hasUnfinishedBackup(web))
        #expect(try await describe(web).count == 1, "an instance cannot see them")
        try await driver.removeBackup(of: web)
        #expect(try await !driver.hasBackup(web))
    }

    func whatIsDeletedIsGone() async throws {
        let fingerprint = try await makeLayer()
        let web = try instance("web")
        try await driver.create(web, from: fingerprint)
        try await driver.delete(web)
        try await driver.deleteLayer(fingerprint)
        #expect(try await driver.volumes().isEmpty)
        #expect(try await driver.layers().isEmpty)
        try await driver.sweep()
        #expect(try directoryNames(path).filter { $0.hasPrefix(".") } == [])
        try await driver.delete(web)
    }

    func aCustomVolumeIsADirectory() async throws {
        try await driver.create(data, from: nil)
        let directory = try await directory(of: data)
        var status = stat()
        try checked("look at", directory) { lstat(directory, &status) }
        #expect(status.st_mode == S_IFDIR | 0o711 && status.st_uid == 0)
        #expect(try await driver.volumes().isEmpty, "it is no instance's")
        await #expect(throws: SystemError.self) { try await driver.create(data, from: nil) }
        try replaceFile(directory + "/file", [UInt8](repeating: 1, count: 100_000))
        #expect(try await driver.usage(of: data).bytes >= 100_000)
        try await driver.copy(data, to: other)
        #expect(try await describe(other) == (try await describe(data)))
    }

    func aSnapshotStaysAsItWas() async throws {
        try await driver.create(data, from: nil)
        try removeTree(try await directory(of: data))
        try NastyTree.make(try await directory(of: data), overlay: false)
        let before = try await describe(data)
        try await driver.copy(data, to: data.snapshot("one"))
        try replaceFile(try await directory(of: data) + "/later", [1])
        #expect(try await describe(data.snapshot("one")) == before)
        #expect(try await describe(data) != before)
        await #expect(throws: SystemError.self) { try await driver.copy(data, to: data.snapshot("one")) }
        try await driver.rename(data.snapshot("one"), to: data.snapshot("two"))
        #expect(try await describe(data.snapshot("two")) == before)
        try await driver.copy(data.snapshot("two"), to: other)
        #expect(try await describe(other) == before)
        #expect(try leftovers == [])
    }

    func aRestoredVolumeIsTheSnapshot() async throws {
        try await driver.create(data, from: nil)
        let directory = try await directory(of: data)
        try replaceFile(directory + "/file", [1])
        let before = try await describe(data)
        try await driver.copy(data, to: data.snapshot("one"))
        try replaceFile(directory + "/file", [2])
        try replaceFile(directory + "/another", [3])
        try await driver.restore(data, from: data.snapshot("one"))
        #expect(try await describe(data) == before)
        #expect(try await describe(data.snapshot("one")) == before)
        await #expect(throws: SystemError.self) { try await driver.restore(data, from: data.snapshot("none")) }
        #expect(try await describe(data) == before)
        #expect(try leftovers == [])
        try await driver.sweep()
        #expect(try directoryNames(path).filter { $0.hasPrefix(".") } == [])
    }

    func snapshotsGoWithTheirVolume() async throws {
        try await driver.create(data, from: nil)
        try await driver.copy(data, to: data.snapshot("one"))
        try await driver.rename(data, to: other)
        #expect(try await describe(other.snapshot("one")).count == 1)
        await #expect(throws: SystemError.self) { try await describe(data.snapshot("one")) }
        try await driver.delete(other.snapshot("one"))
        #expect(try directoryNames(path + "/custom-snapshots") == [])
        try await driver.copy(other, to: other.snapshot("two"))
        try await driver.delete(other)
        #expect(try directoryNames(path + "/custom-snapshots") == [])
        #expect(try directoryNames(path + "/custom") == [])
    }

    // MARK: snapshots of instances

    /// Where what an instance writes comes to lie.
    private func written(_ volume: VolumeName, _ fingerprint: Fingerprint?) async throws -> (
        path: String, isOverlay: Bool
    ) {
        switch try await driver.root(of: volume, from: fingerprint) {
        case .overlay(_, let data): (data + "/upper", true)
        case .directory(let path), .shiftedDirectory(let path): (path, false)
        }
    }

    /// Writes a file as the instance would.
    private func write(_ name: String, _ text: String, to volume: VolumeName, _ fingerprint: Fingerprint?) async throws
    {
        let path = try await written(volume, fingerprint).path
        try replaceFile("\(path)/\(name)", Array(text.utf8))
    }

    /// Removes a file or a tree as the instance would: over a layer that has it, something must hide it.
    private func remove(_ name: String, from volume: VolumeName, _ fingerprint: Fingerprint?) async throws {
        let (path, isOverlay) = try await written(volume, fingerprint)
        try removeTree("\(path)/\(name)")
        if isOverlay { try checked("hide", name) { mknod("\(path)/\(name)", S_IFCHR, 0) } }
    }

    func aSnapshotOfAnInstanceStaysAsItWas() async throws {
        let fingerprint = try await makeLayer()
        let (web, other) = (try instance("web"), try instance("other"))
        try await driver.create(web, from: fingerprint)
        try await write("file", "one", to: web, fingerprint)
        try await remove("third", from: web, fingerprint)
        let before = try await describe(web, fingerprint)
        try await driver.takeSnapshot(web.snapshot("one"), of: web, from: fingerprint)
        #expect(try await describe(web, fingerprint) == before)
        try await write("file", "two", to: web, fingerprint)
        try await remove("dir", from: web, fingerprint)
        let after = try await describe(web, fingerprint)
        #expect(after != before)
        // Of one that runs: a copy.
        try await driver.copy(web, to: web.snapshot("two"))
        try await write("file", "three", to: web, fingerprint)
        #expect(try await describe(web.snapshot("one"), fingerprint) == before)
        #expect(try await describe(web.snapshot("two"), fingerprint) == after)
        for name in ["one", "two"] {
            await #expect(throws: SystemError.self) {
                try await driver.takeSnapshot(web.snapshot(name), of: web, from: fingerprint)
            }
            await #expect(throws: SystemError.self) { try await driver.copy(web, to: web.snapshot(name)) }
        }
        await #expect(throws: SystemError.self) {
            try await driver.takeSnapshot(other.snapshot("x"), of: other, from: fingerprint)
        }
        #expect(try await driver.usage(of: web.snapshot("one")).bytes > 0)
        try await driver.rename(web.snapshot("two"), to: web.snapshot("zwei"))
        await #expect(throws: SystemError.self) {
            try await driver.rename(web.snapshot("zwei"), to: web.snapshot("one"))
        }
        try await driver.delete(web.snapshot("one"))
        try await driver.sweep()
        #expect(try await describe(web.snapshot("zwei"), fingerprint) == after)
        #expect(try await describe(web, fingerprint) != after)
        #expect(try await driver.volumes() == [web])
        #expect(try leftovers == [])
    }

    func aRestoredInstanceIsTheSnapshot() async throws {
        let fingerprint = try await makeLayer()
        let web = try instance("web")
        try await driver.create(web, from: fingerprint)
        let empty = try await describe(web, fingerprint)
        try await driver.takeSnapshot(web.snapshot("empty"), of: web, from: fingerprint)
        try await write("file", "one", to: web, fingerprint)
        try await remove("plain", from: web, fingerprint)
        let full = try await describe(web, fingerprint)
        try await driver.takeSnapshot(web.snapshot("full"), of: web, from: fingerprint)
        try await driver.prepareBackup([1], of: web)
        try await driver.finishBackup(of: web)
        for _ in 0..<3 {
            try await write("file", "two", to: web, fingerprint)
            try await driver.restore(web, from: web.snapshot("empty"))
            #expect(try await describe(web, fingerprint) == empty)
            try await write("file", "three", to: web, fingerprint)
            try await driver.restore(web, from: web.snapshot("full"))
            #expect(try await describe(web, fingerprint) == full)
        }
        await #expect(throws: SystemError.self) { try await driver.restore(web, from: web.snapshot("none")) }
        #expect(try await describe(web, fingerprint) == full)
        #expect(try await describe(web.snapshot("empty"), fingerprint) == empty)
        #expect(try await driver.hasBackup(web))
        try await driver.sweep()
        #expect(try await describe(web, fingerprint) == full)
        #expect(try directoryNames(path).filter { $0.hasPrefix(".") } == [])
    }

    /// What a tree is, but for the number of names its files have: a driver may share them.
    private func outline(_ volume: VolumeName, _ fingerprint: Fingerprint) async throws -> [String] {
        try await describe(volume, fingerprint).map { line in
            line.replacing(/\ x\d+( of [^ ]*)?/, with: "")
        }
    }

    func manySnapshotsStayAsTheyWere() async throws {
        let fingerprint = try await makeLayer()
        let web = try instance("web")
        try await driver.create(web, from: fingerprint)
        var known: [(name: String, lines: [String])] = []
        for number in 0..<27 {
            try await write("file", "\(number)", to: web, fingerprint)
            try await write("number-\(number)", "x", to: web, fingerprint)
            if number.isMultiple(of: 3), number > 0 {
                try await remove("number-\(number - 1)", from: web, fingerprint)
            }
            if number == 4 { try await remove("dir", from: web, fingerprint) }
            if number == 6 {
                // In place of what was removed: nothing of it may come back.
                let (path, isOverlay) = try await written(web, fingerprint)
                try removeTree(path + "/dir")
                try makeDirectories(path + "/dir/new", mode: 0o750)
                if isOverlay {
                    try checked("mark", path) { lex_set_attribute_at(path + "/dir", "trusted.overlay.opaque", "y", 1) }
                }
            }
            if number == 15 { try await write("dir/new/file", "y", to: web, fingerprint, making: true) }
            known.append(("s\(number)", try await outline(web, fingerprint)))
            try await driver.takeSnapshot(web.snapshot("s\(number)"), of: web, from: fingerprint)
            #expect(try await outline(web, fingerprint) == known.last?.lines)
        }
        for (name, lines) in known { #expect(try await outline(web.snapshot(name), fingerprint) == lines, "\(name)") }
        // Without most of them the rest is what it was.
        for (number, one) in known.enumerated() where !number.isMultiple(of: 9) {
            try await driver.delete(web.snapshot(one.name))
        }
        try await driver.sweep()
        for (number, one) in known.enumerated() where number.isMultiple(of: 9) {
            #expect(try await outline(web.snapshot(one.name), fingerprint) == one.lines, "\(one.name)")
            try await driver.restore(web, from: web.snapshot(one.name))
            #expect(try await outline(web, fingerprint) == one.lines, "\(one.name)")
        }
        #expect(try leftovers == [])
    }

    private func write(
        _ name: String, _ text: String, to volume: VolumeName, _ fingerprint: Fingerprint?, making: Bool
    ) async throws {
        let path = try await written(volume, fingerprint).path
        let parts = name.split(separator: "/").dropLast()
        for count in 1...max(1, parts.count) where making {
            try makeDirectories("\(path)/\(parts.prefix(count).joined(separator: "/"))", mode: 0o750)
        }
        try await write(name, text, to: volume, fingerprint)
    }

    func snapshotsGoWithTheirInstance() async throws {
        let fingerprint = try await makeLayer()
        let (web, new) = (try instance("web"), try instance("new"))
        try await driver.create(web, from: fingerprint)
        let before = try await describe(web, fingerprint)
        try await driver.takeSnapshot(web.snapshot("one"), of: web, from: fingerprint)
        try await driver.rename(web, to: new)
        #expect(try await describe(new.snapshot("one"), fingerprint) == before)
        await #expect(throws: SystemError.self) { try await describe(web.snapshot("one"), fingerprint) }
        try await driver.delete(new)
        try await driver.sweep()
        #expect(try await driver.volumes().isEmpty)
        #expect(try directoryNames(path + "/containers") == [])
        #expect(try directoryNames(path).filter { $0.hasPrefix(".") } == [])
        // No layer of its own is left either.
        #expect(((try? directoryNames(path + "/layers")) ?? []) == [])
    }

    func anInstanceIsMadeFromASnapshot() async throws {
        let fingerprint = try await makeLayer()
        let (web, copy, moved) = (try instance("web"), try instance("copy"), try instance("moved"))
        try await driver.create(web, from: fingerprint)
        try await write("file", "one", to: web, fingerprint)
        let before = try await describe(web, fingerprint)
        try await driver.takeSnapshot(web.snapshot("one"), of: web, from: fingerprint)
        try await write("file", "two", to: web, fingerprint)
        let after = try await describe(web, fingerprint)
        try await driver.copy(web.snapshot("one"), to: copy)
        try await driver.copy(web.snapshot("one"), to: copy.snapshot("one"))
        try await write("file", "three", to: copy, fingerprint)
        // Into a pool that lacks the layer: whole.
        try await driver.create(moved, holding: try await driver.tree(of: web, from: fingerprint))
        try await driver.create(
            moved.snapshot("one"), holding: try await driver.tree(of: web.snapshot("one"), from: fingerprint))
        try await driver.delete(web)
        try await driver.sweep()
        #expect(try await describe(copy.snapshot("one"), fingerprint) == before)
        try await driver.restore(copy, from: copy.snapshot("one"))
        #expect(try await describe(copy, fingerprint) == before)
        try await driver.delete(copy)
        try await driver.deleteLayer(fingerprint)
        try await driver.sweep()
        #expect(try await describe(moved) == after)
        #expect(try await describe(moved.snapshot("one")) == before)
        #expect(try await driver.volumes() == [moved])
        #expect(try leftovers == [])
    }

    func filesGoFromPoolToPool() async throws {
        let fingerprint = try await makeLayer()
        let (web, moved) = (try instance("web"), try instance("moved"))
        try await driver.create(web, from: fingerprint)
        let before = try await describe(web, fingerprint)
        try await driver.create(moved, holding: try await driver.tree(of: web, from: fingerprint))
        try await driver.delete(web)
        try await driver.deleteLayer(fingerprint)
        try await driver.sweep()
        #expect(try await describe(moved) == before, "it stands on no layer")
        #expect(try leftovers == [])
    }

    func whatACrashLeftIsRemoved() async throws {
        try await driver.create(try instance("web"), from: nil)
        try makeDirectories(path + "/.new-x/volume/deep")
        try makeDirectories(path + "/images/.new-y/rootfs")
        try makeDirectories(path + "/.removed-z/deep")
        #expect(try await driver.layers().isEmpty)
        try await driver.openPool()
        try await driver.sweep()
        #expect(try directoryNames(path).filter { $0.hasPrefix(".") } == [])
        #expect(try directoryNames(path + "/images") == [])
        #expect(try await driver.volumes() == [try instance("web")])
    }

    func aPoolInUseIsNotDeleted() async throws {
        try await driver.create(data, from: nil)
        await #expect(throws: APIError.self) { try await driver.deletePool() }
        try await driver.delete(data)
        try await driver.create(try instance("web"), from: nil)
        await #expect(throws: APIError.self) { try await driver.deletePool() }
        #expect(try await driver.volumes() == [try instance("web")])
    }

    func aDeletedPoolLeavesItsDirectory() async throws {
        _ = try await makeLayer()
        try replaceFile(path + "/mine", [1])
        try await driver.deletePool()
        #expect(try directoryNames(path) == ["mine"])
        await #expect(throws: APIError.self) { try await driver.createPool() }
    }

    func anOpenPoolIsRefused() async throws {
        try checked("change the mode of", path) { chmod(path, 0o711) }
        await #expect(throws: OpenDirectory.self) { try await driver.openPool() }
    }
}
