import LexHost
import LexIPC
import LexStorage
import LexTestKit
import Logging
import Testing

/// Every driver on every file system, by the same rules.
@Suite struct StorageDriverTests {
    enum Kind: String, CaseIterable, Sendable {
        case overlay, dir

        func driver(_ path: String) -> any StorageDriver {
            let logger = Logger(label: "test")
            return switch self {
            case .overlay: OverlayDriver(path: path, logger: logger)
            case .dir: DirectoryDriver(path: path, logger: logger)
            }
        }
    }

    @Test(arguments: Kind.allCases, StorageDriverSuite.allCases)
    func holds(_ kind: Kind, _ rule: StorageDriverSuite) async throws {
        try await withTemporaryDirectory { directory in
            try await rule.check(kind.driver(directory + "/pool"), path: directory + "/pool")
        }
    }

    /// There contents are shared instead of copied.
    @Test(arguments: Kind.allCases) func holdsOnBtrfs(_ kind: Kind) async throws {
        try await LoopFileSystem.with("btrfs", megabytes: 512) { directory in
            for rule in StorageDriverSuite.allCases {
                let path = "\(directory)/\(rule.rawValue)"
                try await rule.check(kind.driver(path), path: path)
            }
        }
    }
}
