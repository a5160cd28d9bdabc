// swift-tools-version: 6.2
// The walls between the modules are the `dependencies` below; `make check` builds with
// `--explicit-target-dependency-import-check error`, so an import that is not listed here is a build failure.
import PackageDescription

let nio: (String) -> Target.Dependency = { .product(name: $0, package: "swift-nio") }
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "lexd",
    products: [
        .executable(name: "lexd", targets: ["lexd"]),
        .executable(name: "lx", targets: ["lx"]),
        .executable(name: "lexd-runtime", targets: ["lexd-runtime"]),
        .executable(name: "lexd-archive", targets: ["lexd-archive"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // C cupboards.
        .target(name: "CLexLinux"),
        .systemLibrary(name: "CLXC", pkgConfig: "lxc", providers: [.apt(["lxc-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(
            name: "CCompression", providers: [.apt(["zlib1g-dev", "liblzma-dev", "libzstd-dev"])]),
        .systemLibrary(name: "CNetlink", providers: [.apt(["linux-libc-dev"])]),

        // Rooms.
        .target(name: "LexAPI"),
        .target(name: "LexSFTP"),
        .target(name: "LexTemplate"),
        .target(
            name: "LexClient",
            dependencies: [
                "LexAPI", "LexSFTP", log, nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ]),
        .target(name: "LexStore", dependencies: [log, .product(name: "GRDB", package: "GRDB.swift")]),
        .target(name: "LexIPC", dependencies: ["CLexLinux"]),
        .target(
            name: "LexHost",
            dependencies: [
                "LexIPC", "CLexLinux", "CNetlink", log, nio("NIOPosix"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(name: "LexStorage", dependencies: ["CLexLinux", "LexAPI", "LexHost", "LexIPC", log]),
        .target(name: "LexNetwork", dependencies: ["LexAPI", "LexHost", "LexIPC", log]),
        .target(
            name: "LexInstance",
            dependencies: ["CLexLinux", "LexAPI", "LexHost", "LexIPC", "LexStorage", "LexNetwork", log]),
        .target(
            name: "LexDaemon",
            dependencies: [
                "CLexLinux", "LexAPI", "LexClient", "LexStore", "LexHost", "LexIPC", "LexStorage", "LexNetwork",
                "LexInstance", "LexSFTP", "LexTemplate", log,
                nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"), nio("NIOFoundationCompat"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "Yams", package: "Yams"),
            ]),

        // Doors.
        .executableTarget(
            name: "lexd",
            dependencies: [
                "LexAPI", "LexClient", "LexDaemon", "LexStore", "LexHost", "LexStorage", "LexNetwork", "LexInstance",
                "CLexLinux", log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .executableTarget(
            name: "lx",
            dependencies: [
                "LexAPI", "LexClient", "LexSFTP", log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .executableTarget(name: "lexd-runtime", dependencies: ["LexIPC", "LexSFTP", "CLexLinux", "CLXC"]),
        .executableTarget(name: "lexd-archive", dependencies: ["LexIPC", "CLexLinux", "CArchive", "CCompression"]),
        // Writes docs/generated; for who works on lexd, not installed.
        .executableTarget(name: "lexd-docs", dependencies: ["LexAPI"]),

        // Tests: a module's own need no root and end in seconds; HostTests need root; SystemTests run the real thing.
        .target(
            name: "LexTestKit",
            dependencies: [
                "LexAPI", "LexClient", "LexHost", "LexIPC", "LexInstance", "LexNetwork", "LexStorage", "LexStore",
                "CLexLinux",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // What an attacker would run in lexd-archive's place, for HostTests.
        .executableTarget(name: "lexd-archive-attacker", path: "Tests/lexd-archive-attacker"),
        .testTarget(name: "LexAPITests", dependencies: ["LexTestKit", "LexAPI"], exclude: ["Golden"]),
        .testTarget(name: "LexSFTPTests", dependencies: ["LexSFTP"]),
        .testTarget(name: "LexTemplateTests", dependencies: ["LexTemplate"]),
        .testTarget(name: "LexIPCTests", dependencies: ["LexTestKit", "LexIPC", "CLexLinux"]),
        .testTarget(
            name: "LexStoreTests",
            dependencies: ["LexTestKit", "LexStore", .product(name: "GRDB", package: "GRDB.swift")]),
        .testTarget(
            name: "LexHostTests", dependencies: ["LexTestKit", "LexHost", "LexIPC", "CNetlink", log]),
        .testTarget(name: "LexNetworkTests", dependencies: ["LexNetwork", "LexAPI", "LexHost"]),
        .testTarget(
            name: "LexInstanceTests",
            dependencies: ["LexTestKit", "LexInstance", "LexAPI", "LexHost", "LexIPC", "LexStorage"]),
        .testTarget(
            name: "LexDaemonTests",
            dependencies: [
                "LexTestKit", "LexDaemon", "LexAPI", "LexStore", "LexHost", "LexIPC", "LexInstance", "LexNetwork",
                "LexStorage", "CLexLinux", log, nio("NIOCore"), nio("NIOHTTP1"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .testTarget(name: "lexdArchiveTests", dependencies: ["lexd-archive", "LexIPC"]),
        .testTarget(
            name: "LexClientTests",
            dependencies: [
                "LexClient", "LexAPI", nio("NIOCore"), nio("NIOPosix"), nio("NIOWebSocket"),
            ]),
        .testTarget(
            name: "lxTests",
            dependencies: [
                "lx", "LexAPI", "LexClient", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(name: "lexdDocsTests", dependencies: ["lexd-docs", "LexAPI"]),
        .testTarget(name: "HouseTests"),
        .testTarget(
            name: "HostTests",
            dependencies: [
                "LexTestKit", "LexAPI", "LexHost", "LexIPC", "LexStorage", "LexNetwork", "LexInstance", "LexDaemon",
                "LexSFTP", "CLexLinux", log,
            ]),
        .testTarget(
            name: "SystemTests",
            dependencies: ["LexTestKit", "LexAPI", "LexClient", "LexHost", "LexIPC", "LexSFTP", "CLexLinux"],
            exclude: [
                "Golden/Answers", "Golden/Exceptions.json", "Golden/Requests.json", "Golden/capture",
                "Clients/Replay.txt", "Strangers/pylxd_client.py", "Strangers/playbook.yml", "Strangers/greeting.sh",
            ]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system && !target.name.hasPrefix("C") {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
