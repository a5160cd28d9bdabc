import CLexLinux
import Glibc
import LexAPI
package import LexHost
import LexInstance
import LexNetwork
package import LexStorage
package import LexStore
package import Logging
import NIOCore
import ServiceLifecycle

/// What the daemon is made from; concrete things are named only by whoever starts it.
package struct DaemonParts: Sendable {
    package let paths: DaemonPaths
    /// What keeps other daemons out of the directory; taken before anything in it is opened.
    package let lock: DirectoryLock
    package let store: any StateStore
    package let storageDrivers: [String: @Sendable (String, Logger) -> any StorageDriver]
    package let programs: HelperPrograms
    /// Where the recipes of image templates lie.
    package let recipes: String
    /// Where the packages of templates come from, if not from where the distribution says.
    package let mirror: PackageMirror?
    /// The group whose members may use the socket.
    package let socketGroup: UInt32
    /// Whether the first start makes nothing: no pool, no bridge, no profile.
    package let isBare: Bool
    /// The version of liblxc.
    package let lxcVersion: String

    package init(
        paths: DaemonPaths, lock: DirectoryLock, store: any StateStore,
        storageDrivers: [String: @Sendable (String, Logger) -> any StorageDriver], programs: HelperPrograms,
        recipes: String, mirror: PackageMirror? = nil, socketGroup: UInt32, isBare: Bool, lxcVersion: String
    ) {
        self.paths = paths
        self.lock = lock
        self.store = store
        self.storageDrivers = storageDrivers
        self.programs = programs
        self.recipes = recipes
        self.mirror = mirror
        self.socketGroup = socketGroup
        self.isBare = isBare
        self.lxcVersion = lxcVersion
    }
}

/// The daemon: holds the services, starts them in order, runs them until it is asked to end.
package struct Daemon: Sendable {
    private let parts: DaemonParts
    private let events: Events
    private let logger: Logger

    /// - Parameter events: Where log lines go beside the log.
    package init(_ parts: DaemonParts, events: DaemonEvents, logger: Logger) {
        self.parts = parts
        self.events = events.events
        self.logger = logger
    }

    /// The wish to end, as what ends the group of the daemon's tasks.
    private struct Ended: Error {}

    /// Runs until a graceful shutdown, or until a client asks for the end. Instances are not touched by the former.
    package func run() async throws {
        let paths = parts.paths
        try await prepareDirectories(paths)
        let facts = try HostFacts.read()
        let certificate = try await ServerCertificate.load(from: paths.directory, hostName: facts.name)
        let services = try await Services(parts, facts: facts, events: events, logger: logger)
        let isListening = Gate()
        let isReady = Gate()
        let isEnding = Gate()
        let isShuttingDown = Gate()

        let router = services.router(facts: facts, certificate: certificate, isReady: isReady) {
            isShuttingDown.open()
            await services.shutDown()
            isEnding.open()
        }
        let server = HTTPServer(
            router: router, logger: logger, project: { try await services.projects.asked($0, query: $1) }
        ) { method, path in
            if path.hasPrefix("/internal/") || path == "/" { return nil }
            // As LXD has it: who waits for an operation's end may still look at it and cancel it.
            if isEnding.isOpen || isShuttingDown.isOpen, method != .get, !path.hasPrefix("/1.0/operations/") {
                return .unavailable("LXD is shutting down")
            }
            return isReady.isOpen ? nil : .unavailable("LXD daemon setup in progress")
        }
        // Not one of the group, whose end waits for all: a file system that hangs must not keep lexd from ending.
        let openingPools = Task {
            guard await isReady.wait() else { return }
            await services.openRestOfPools()
        }
        defer { openingPools.cancel() }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await services.operations.run() }
                group.addTask { await services.instances.run() }
                group.addTask {
                    let routes = GuestRoutes(instances: services.instances)
                    await services.instances.guests.run { await routes.answer($0) }
                }
                group.addTask { await services.networks.run() }
                group.addTask { await services.pools.run() }
                group.addTask { await services.volumes.run() }
                group.addTask {
                    try await server.run(unixSocket: paths.socket, group: parts.socketGroup) { isListening.open() }
                }
                group.addTask {
                    // Not before there is a socket: whoever asks meanwhile is told that it takes a moment.
                    guard await isListening.wait() else { return }
                    try await services.start(isBare: parts.isBare)
                    isReady.open()
                    SystemdNotification.ready()
                    logger.notice("ready", metadata: ["socket": "\(paths.socket)", "version": "\(Release.version)"])
                    await services.instances.autostart()
                }
                group.addTask {
                    guard await isReady.wait() else { return }
                    await services.expireImages()
                }
                group.addTask {
                    guard await isReady.wait() else { return }
                    await services.instances.keepSnapshots()
                }
                group.addTask {
                    guard await isReady.wait() else { return }
                    await services.instances.followLXCFS()
                }
                group.addTask {
                    guard await isReady.wait() else { return }
                    await services.instances.followHardware()
                }
                group.addTask {
                    try? await gracefulShutdown()
                    isEnding.open()
                }
                group.addTask {
                    await isEnding.wait()
                    SystemdNotification.stopping()
                    await services.operations.idle(atMost: .seconds(60))
                    throw Ended()
                }
                // Not `waitForAll`, which waits for all even when one has thrown.
                while try await group.next() != nil {}
            }
        } catch is Ended {
            await services.end(paths)
            logger.notice("ended")
        }
    }

    /// Makes the daemon's directories, closed to everybody but root where guests' files lie below.
    private func prepareDirectories(_ paths: DaemonPaths) async throws {
        try await blocking {
            try makeDirectories(paths.directory, mode: 0o711)
            try makeDirectories(paths.run, mode: 0o711)
            try makeDirectories(paths.logs, mode: 0o700)
            // dnsmasq, which is not root, looks into its own network's directory below.
            try makeDirectories(paths.networks, mode: 0o711)
            for closed in [paths.images, paths.pools] {
                try makeDirectories(closed, mode: 0o700)
                try checkClosedDirectory(closed)
            }
        }
    }
}

/// The events of a daemon that is still to be made, so that logging can be set up before it.
package struct DaemonEvents: Sendable {
    let events = Events()

    package init() {}

    /// A log handler that also hands the lines to whoever follows the events.
    package func handler(over written: any LogHandler) -> any LogHandler { EventLogHandler(written, events: events) }
}
