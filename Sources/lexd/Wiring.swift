import ArgumentParser
import Glibc
import LexDaemon
import LexHost
import LexStorage
import LexStore

/// The one place where concrete drivers and stores are named.
enum Wiring {
    static func parts(_ settings: DaemonSettings, group: UInt32, isBare: Bool) async throws -> DaemonParts {
        let paths = settings.paths
        guard paths.directory.hasPrefix("/") else {
            throw ValidationError("LEXD_DIR must be an absolute path, not \"\(paths.directory)\"")
        }
        // The socket's name must fit into a socket address (unix(7)).
        guard paths.socket.utf8.count < 108 else {
            throw ValidationError("LEXD_DIR is too long: \(paths.socket) has more than 107 bytes")
        }
        let programs = HelperPrograms(
            directory: settings.helpers, patience: settings.patience ?? .seconds(120))
        for program in [programs.runtime, programs.archive] where access(program, X_OK) != 0 {
            throw ValidationError("\(program) is missing: install lexd as a whole, or set LEXD_HELPERS")
        }
        // Also the proof that the helper runs here at all.
        let lxcVersion = try await Tool(programs.runtime).check(["lxc-version"], doing: "ask for liblxc's version")
        let lock = try await blocking {
            try makeDirectories(paths.directory, mode: 0o711)
            return try DirectoryLock(paths.directory)
        }
        guard let lock else {
            throw ValidationError(
                "Another lexd uses the directory \(paths.directory): stop it first, or give this one another LEXD_DIR")
        }
        return DaemonParts(
            paths: paths, lock: lock, store: try SQLiteStore(path: "\(paths.directory)/lexd.db"),
            storageDrivers: [
                OverlayDriver.name: { OverlayDriver(path: $0, logger: $1) },
                DirectoryDriver.name: { DirectoryDriver(path: $0, logger: $1) },
            ], programs: programs,
            recipes: settings.recipes, mirror: try settings.mirror.map { try PackageMirror($0) }, socketGroup: group,
            isBare: isBare,
            lxcVersion: lxcVersion.filter { !$0.isWhitespace })
    }
}
