import CLexLinux
import Glibc
package import LexAPI
import LexHost
import LexIPC
package import Logging
import Synchronization

/// The pool of overlays: an image is unpacked once and never changed again; an instance is a directory of its changes.
///
///     containers/NAME/{upper,work,backup.yaml}
///     containers/NAME/plain                         what cannot lie on an overlay, see PlainDirectories
///     containers/NAME/below                         the layers between them and the image, once there are snapshots
///     containers/NAME/snapshots/SNAPSHOT/below      the layers of a snapshot
///     layers/LAYER/                                 changes that nothing changes any more
///
/// It works on any file system that overlayfs(5) takes as an upper layer, and makes a volume in the time of two
/// mkdir(2). The rest of the pool is as in ``PoolDirectory``.
package struct OverlayDriver: PoolDirectoryDriver {
    package static let name = "overlay"
    package static let version = "1"

    package let pool: PoolDirectory

    /// The pool in this directory.
    package init(path: String, logger: Logger) { pool = PoolDirectory(path, logger: logger, parts: ["layers"]) }

    let layerLock = LayerLock()

    // overlayfs(5) makes in one what it then moves to another: both must count for the same.
    package func partsOfRoot(in directory: String) throws -> [String] {
        ["upper", "work", PlainDirectories.name].map { "\(directory)/\($0)" }.filter { PlainDirectories.isThere($0) }
    }

    package func create(_ volume: VolumeName, from fingerprint: Fingerprint?) async throws {
        guard volume.kind == .instance else { return try await pool.createCustom(volume) }
        let directory = pool.place(of: volume)
        let lower = pool.layer(fingerprint)
        try await blocking {
            try checked("make directory", directory) { mkdir(directory, 0o700) }
            do {
                try checked("make directory", "\(directory)/work") { mkdir("\(directory)/work", 0o700) }
                // The merged root directory takes its owner and mode from the upper one.
                var status = stat()
                try checked("look at", lower) { lstat(lower, &status) }
                let upper = "\(directory)/upper"
                try checked("make directory", upper) { mkdir(upper, 0o700) }
                try checked("change the owner of", upper) { lchown(upper, status.st_uid, status.st_gid) }
                try checked("change the mode of", upper) { chmod(upper, status.st_mode & 0o7777) }
            } catch {
                // Only what was made here: a volume that was there already is somebody's.
                try? removeTree(directory)
                throw error
            }
        }
    }

    package func copy(_ volume: VolumeName, to new: VolumeName) async throws {
        guard volume.isRoot else { return try await pool.copyCustom(volume, to: new) }
        let source = pool.place(of: volume)
        switch (volume.kind, new.kind) {
        case (.instanceSnapshot, .instanceSnapshot):
            try await stage(new, chain: { try chain(ofSnapshot: source) }, plainOf: source, changes: nil)
        case (.instanceSnapshot, _):
            try await stage(new, chain: { try chain(ofSnapshot: source) }, plainOf: source) { upper, chain, _, _ in
                try TreeCopy(linkDirectory: "", overlayAttributes: .dropped)
                    .copyEmpty(path(ofLayer: chain.layers[0]), to: upper)
            }
        default:
            try await stage(new, chain: { try LayerChain(in: source) }, plainOf: source) {
                upper, _, links, isCancelled in
                try TreeCopy(linkDirectory: links, overlayAttributes: .kept, isCancelled: isCancelled)
                    .copy("\(source)/upper", to: upper)
            }
        }
    }

    package func create(_ volume: VolumeName, holding tree: VolumeTree) async throws {
        guard volume.isRoot else {
            return try await pool.stage(volume) { directory, links, isCancelled in
                try PoolDirectory.copyPlain(tree, to: directory, links: links, isCancelled: isCancelled)
            }
        }
        try await stage(volume, chain: { LayerChain() }, plainOf: nil) { upper, _, links, isCancelled in
            try PoolDirectory.copyPlain(tree, to: upper, links: links, isCancelled: isCancelled)
            try PlainDirectories.takeOut(of: upper, into: String(upper.dropLast("/upper".count)))
        }
    }

    private typealias MakeChanges =
        @Sendable (
            _ directory: String, _ below: LayerChain, _ links: String, _ isCancelled: @escaping @Sendable () -> Bool
        ) throws -> Void

    /// Makes an instance's volume over these layers, or a snapshot; `changes` makes the directory of its changes, which of
    /// a snapshot is its topmost layer.
    private func stage(
        _ volume: VolumeName, chain: @escaping @Sendable () throws -> LayerChain, plainOf source: String?,
        changes: MakeChanges?
    ) async throws {
        let driver = self
        let isSnapshot = volume.kind == .instanceSnapshot
        let layer = PoolDirectory.randomName()
        try await pool.stage(
            at: pool.place(of: volume),
            place: { made, target in
                // Until it has its place, nothing stands on its layer.
                try driver.layerLock.mutex.withLock { _ in
                    if isSnapshot, changes != nil {
                        let path = driver.path(ofLayer: layer)
                        try checked("rename", made) { Glibc.rename("\(made)/upper", path) }
                    }
                    try PoolDirectory.placeNew(made, target)
                }
            }
        ) { directory, links, isCancelled in
            let below = try chain()
            try checked("make directory", directory) { mkdir(directory, 0o700) }
            if !isSnapshot {
                try checked("make directory", "\(directory)/work") { mkdir("\(directory)/work", 0o700) }
            }
            try changes?("\(directory)/upper", below, links, isCancelled)
            if let source {
                try PlainDirectories.copy(
                    from: source, to: directory, links: links + ".plain", isCancelled: isCancelled)
            }
            try (isSnapshot && changes != nil ? below.adding(layer) : below).write(in: directory)
        }
    }

    /// What lies below a root's own changes, the topmost first.
    func lowers(_ chain: LayerChain, _ fingerprint: Fingerprint?) -> [String] {
        chain.layers.map { path(ofLayer: $0) } + [chain.isWhole ? pool.layer(nil) : pool.layer(fingerprint)]
    }

    package func tree(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> VolumeTree {
        let directory = pool.place(of: volume)
        guard volume.isRoot else {
            return try await blocking { VolumeTree(try OwnedDescriptor.directory(directory), path: directory) }
        }
        let driver = self
        return try await blocking {
            let isSnapshot = volume.kind == .instanceSnapshot
            let chain = isSnapshot ? try driver.chain(ofSnapshot: directory) : try LayerChain(in: directory)
            let lowers = driver.lowers(chain, fingerprint)
            let view = try Self.view(of: isSnapshot ? lowers : [directory + "/upper"] + lowers, directory)
            var beside: [String: VolumeTree] = [:]
            for (name, place) in PlainDirectories.places {
                let path = "\(directory)/\(PlainDirectories.name)/\(name)"
                guard PlainDirectories.isThere(path) else { continue }
                beside[place] = VolumeTree(try OwnedDescriptor.directory(path), path: path)
            }
            return VolumeTree(view, path: directory, beside: beside)
        }
    }

    /// The files that directories show when they lie upon each other, the topmost first.
    static func view(of directories: [String], _ path: String) throws -> OwnedDescriptor {
        var layers: [Int32] = []
        defer { for layer in layers { close(layer) } }
        for directory in directories { layers.append(try OwnedDescriptor.directory(directory).release()) }
        // The mount is nowhere but behind its descriptor, and gone with it.
        let view = try checked("look through the overlay of", path) { lex_overlay_view(layers, layers.count) }
        return OwnedDescriptor(taking: view)
    }

    package func root(of volume: VolumeName, from fingerprint: Fingerprint?) async throws -> RootSource {
        let directory = pool.place(of: volume)
        guard volume.isRoot else { return .directory(directory) }
        let chain = try await blocking { try LayerChain(in: directory) }
        return .overlay(lowerDirectories: lowers(chain, fingerprint), dataDirectory: directory)
    }

    package func usage(of volume: VolumeName) async throws -> ByteSize {
        let directory = pool.place(of: volume)
        switch volume.kind {
        case .instance: return try await usage(of: directory + "/upper", besidePlainOf: directory)
        case .instanceSnapshot:
            let driver = self
            let chain = try await blocking { try driver.chain(ofSnapshot: directory) }
            return try await usage(of: path(ofLayer: chain.layers[0]), besidePlainOf: directory)
        case .custom, .snapshot: return try await pool.usage(of: directory)
        }
    }

    private func usage(of changes: String, besidePlainOf directory: String) async throws -> ByteSize {
        let own = try await pool.usage(of: changes)
        let plain = "\(directory)/\(PlainDirectories.name)"
        guard try await blocking({ PlainDirectories.isThere(plain) }) else { return own }
        let (sum, isTooMuch) = own.bytes.addingReportingOverflow(try await pool.usage(of: plain).bytes)
        return isTooMuch ? own : ByteSize(bytes: sum)
    }
}
