import CLexLinux
import Glibc
package import LexAPI
import LexHost
import LexIPC
import Synchronization

/// Held while a layer gets its place and what stands on it: one that nothing stands on is removed.
final class LayerLock: Sendable {
    let mutex = Mutex(())
}

// A snapshot of a root that nobody writes to takes no copy: its changes so far become a layer, on which stand the
// snapshot and, with new changes, the root. The root gets the new parts under other names first, then by renames:
//
//     upper.next, below.next       what it is to have
//     upper -> layers/LAYER        or away, when it becomes what a snapshot of it is
//     upper.next -> upper
//     below.next -> below
//
// Where that was cut short before the second line it is taken back, and after it finished.
extension OverlayDriver {
    package func takeSnapshot(
        _ snapshot: VolumeName, of volume: VolumeName, from fingerprint: Fingerprint?
    ) async throws {
        guard volume.kind == .instance else { return try await copy(volume, to: snapshot) }
        try await shortenChain(of: volume, from: fingerprint)
        let directory = pool.place(of: volume)
        let target = pool.place(of: snapshot)
        let staging = pool.newStaging()
        let driver = self
        try await blocking { try checked("make directory", staging) { mkdir(staging, 0o700) } }
        if try await blocking({ PlainDirectories.isThere("\(directory)/\(PlainDirectories.name)") }) {
            try await stagePlain(of: directory, in: staging)
        }
        // Not among the copies, which take their time.
        try await blocking {
            try driver.layerLock.mutex.withLock { _ in
                do {
                    let layer = PoolDirectory.randomName()
                    try Self.settle(directory)
                    let chain = try LayerChain(in: directory).adding(layer)
                    try chain.write(in: staging)
                    try driver.replaceUpper(of: directory, like: "\(directory)/upper", chain) {
                        try checked("rename", "\(directory)/upper") {
                            lex_rename_new(AT_FDCWD, "\(directory)/upper", AT_FDCWD, driver.path(ofLayer: layer))
                        }
                    }
                    try PoolDirectory.placeNew(staging, target)
                } catch {
                    try? removeTree(staging)
                    throw error
                }
            }
        }
    }

    private func stagePlain(of directory: String, in staging: String) async throws {
        try await copying { isCancelled in
            do {
                let links = staging + "/links"
                try PlainDirectories.copy(from: directory, to: staging, links: links, isCancelled: isCancelled)
                if PlainDirectories.isThere(links) { try removeTree(links) }
            } catch {
                try? removeTree(staging)
                if (error as? SystemError)?.code == ECANCELED { throw CancellationError() }
                throw error
            }
        }
    }

    package func restore(_ volume: VolumeName, from snapshot: VolumeName) async throws {
        guard volume.kind == .instance else { return try await pool.restore(volume, from: snapshot) }
        let directory = pool.place(of: volume)
        let source = pool.place(of: snapshot)
        let aside = pool.newAside()
        let driver = self
        let hasPlain = try await blocking {
            try driver.layerLock.mutex.withLock { _ in try Self.settle(directory) }
            return PlainDirectories.isThere("\(directory)/\(PlainDirectories.name)")
                || PlainDirectories.isThere("\(source)/\(PlainDirectories.name)")
        }
        if hasPlain { try await prepareRestoredPlain(of: directory, from: source) }
        try await blocking {
            try driver.layerLock.mutex.withLock { _ in
                let chain = try driver.chain(ofSnapshot: source)
                try driver.replaceUpper(of: directory, like: driver.path(ofLayer: chain.layers[0]), chain) {
                    try checked("put aside", "\(directory)/upper") { Glibc.rename("\(directory)/upper", aside) }
                }
            }
        }
    }

    /// Lays ready what a volume is to have beside its root; ``settle(_:)`` puts it in place, or away.
    private func prepareRestoredPlain(of directory: String, from source: String) async throws {
        let next = "\(directory)/\(PlainDirectories.nextName)"
        let links = pool.newStaging()
        try await copying { isCancelled in
            do {
                let plain = "\(source)/\(PlainDirectories.name)"
                if PlainDirectories.isThere(plain) {
                    try TreeCopy(linkDirectory: links, overlayAttributes: .kept, isCancelled: isCancelled)
                        .copy(plain, to: next)
                } else {
                    try checked("make directory", next) { mkdir(next, 0o700) }
                }
                if PlainDirectories.isThere(links) { try removeTree(links) }
            } catch {
                try? removeTree(links)
                try? removeTree(next)
                if (error as? SystemError)?.code == ECANCELED { throw CancellationError() }
                throw error
            }
        }
    }

    /// The layers of a snapshot, of which there is one at least.
    func chain(ofSnapshot directory: String) throws -> LayerChain {
        try checked("look at", directory) { access(directory, F_OK) }
        let chain = try LayerChain(in: directory)
        guard !chain.layers.isEmpty else { throw SystemError("read the link", directory, code: ENOENT) }
        return chain
    }

    func path(ofLayer layer: String) -> String { "\(pool.path)/layers/\(layer)" }

    /// Gives a root new changes, which are none, over other layers; `remove` takes the old ones away.
    private func replaceUpper(
        of directory: String, like model: String, _ chain: LayerChain, remove: () throws -> Void
    ) throws {
        do {
            let next = "\(directory)/upper.next"
            try TreeCopy(linkDirectory: "", overlayAttributes: .dropped).copyEmpty(model, to: next)
            try chain.write(in: directory, LayerChain.nextName)
            try remove()
        } catch {
            try? Self.settle(directory)
            throw error
        }
        try Self.settle(directory)
    }

    /// Finishes, or takes back, what was begun with a root's changes.
    static func settle(_ directory: String) throws {
        func isThere(_ name: String) -> Bool { PlainDirectories.isThere("\(directory)/\(name)") }
        func move(_ name: String, to new: String) throws {
            try checked("rename", "\(directory)/\(name)") {
                Glibc.rename("\(directory)/\(name)", "\(directory)/\(new)")
            }
        }
        let (plain, nextPlain, oldPlain) = (
            PlainDirectories.name, PlainDirectories.nextName, PlainDirectories.oldName
        )
        if isThere("upper.next") {
            if isThere("upper") {
                if isThere(nextPlain) { try removeTree("\(directory)/\(nextPlain)") }
                try checked("remove", "\(directory)/\(LayerChain.nextName)") {
                    unlink("\(directory)/\(LayerChain.nextName)") == 0 || errno == ENOENT ? 0 : -1
                }
                try checked("remove", "\(directory)/upper.next") { rmdir("\(directory)/upper.next") }
                return
            }
            // Before the new changes have their place: where they have it, what is ready was not wanted.
            if isThere(nextPlain) {
                if isThere(plain) {
                    if isThere(oldPlain) { try removeTree("\(directory)/\(oldPlain)") }
                    try move(plain, to: oldPlain)
                }
                try move(nextPlain, to: plain)
            }
            try move("upper.next", to: "upper")
        } else if isThere(nextPlain) {
            try removeTree("\(directory)/\(nextPlain)")
        }
        if isThere(oldPlain) { try removeTree("\(directory)/\(oldPlain)") }
        if isThere(LayerChain.nextName) { try move(LayerChain.nextName, to: LayerChain.name) }
    }

    // MARK: too many layers

    /// Makes one layer of those below a root when there are as many as there may be.
    private func shortenChain(of volume: VolumeName, from fingerprint: Fingerprint?) async throws {
        let directory = pool.place(of: volume)
        let chain = try await blocking { try LayerChain(in: directory) }
        guard chain.layers.count >= LayerChain.deepest else { return }
        let all = lowers(chain, fingerprint)
        let layers = chain.layers.map { path(ofLayer: $0) }
        let staging = pool.newStaging()
        let driver = self
        try await copying { isCancelled in
            do {
                try checked("make directory", staging) { mkdir(staging, 0o700) }
                let made = "\(staging)/layer"
                let isMerged = try LayerMerge(isCancelled: isCancelled).merge(layers, into: made)
                if !isMerged {
                    try removeTree(made)
                    let view = VolumeTree(try Self.view(of: all, directory), path: directory)
                    try PoolDirectory.copyPlain(
                        view, to: made, links: "\(staging)/links", isCancelled: isCancelled)
                }
                try driver.layerLock.mutex.withLock { _ in
                    let layer = PoolDirectory.randomName()
                    try checked("rename", made) { Glibc.rename(made, driver.path(ofLayer: layer)) }
                    try Self.settle(directory)
                    try LayerChain([layer], isWhole: chain.isWhole || !isMerged)
                        .write(in: directory, LayerChain.nextName)
                    try Self.settle(directory)
                }
                try removeTree(staging)
            } catch {
                try? removeTree(staging)
                if (error as? SystemError)?.code == ECANCELED { throw CancellationError() }
                throw error
            }
        }
    }

    // MARK: layers that are not needed

    package func openPool() async throws {
        try await pool.open()
        let containers = pool.path + "/containers"
        try await blocking {
            for name in try directoryNames(containers) { try Self.settle("\(containers)/\(name)") }
        }
    }

    package func sweep() async throws {
        let driver = self
        try await blocking { try driver.layerLock.mutex.withLock { _ in try driver.setUnusedLayersAside() } }
        try await pool.sweep()
    }

    private func setUnusedLayersAside() throws {
        var unused = Set(try directoryNames(pool.path + "/layers"))
        if unused.isEmpty { return }
        let containers = pool.path + "/containers"
        for name in try directoryNames(containers) {
            let directory = "\(containers)/\(name)"
            for chain in [LayerChain.name, LayerChain.nextName] {
                unused.subtract(try LayerChain(in: directory, chain).layers)
            }
            for snapshot in (try? directoryNames("\(directory)/snapshots")) ?? [] {
                unused.subtract(try LayerChain(in: "\(directory)/snapshots/\(snapshot)").layers)
            }
        }
        for layer in unused {
            let path = path(ofLayer: layer)
            try checked("put aside", path) { Glibc.rename(path, pool.newAside()) }
        }
    }
}
